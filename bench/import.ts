/** Rows in: NDJSON for 1,000 devices to `POST telemetry/bulk`, as a stream; calls to ThingsBoard, time, and memory against ten times the rows. */
import { cpuSeconds, memory, resetPeak } from "./measure.ts"
import type { Options } from "./options.ts"
import { type Server, startBoardwalk, startUpstream, type Upstream } from "./processes.ts"
import { atMost, figure, table, type Verdict, verdicts } from "./report.ts"
import { firstTs, stepMs, valueOf } from "./upstream/series.ts"
import { deviceId } from "./upstream/tenant.ts"

const devices = 1_000
const linesAChunk = 1_000
const ids = Array.from({ length: devices }, (_, index) => deviceId(index))

/** Row by row in the order of time, as a logger writes them: neighbours are of different devices, which is the hard case for batches. */
const body = (rows: number) => {
  const utf8 = new TextEncoder()
  let row = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      let text = ""
      for (const end = Math.min(rows, row + linesAChunk); row < end; row++) {
        const ts = firstTs + Math.floor(row / devices) * stepMs
        text += `{"device_id":"${ids[row % devices]}","ts":${ts},"key":"temperature","value":${valueOf("temperature", row, true)}}\n`
      }
      controller.enqueue(utf8.encode(text))
      if (row >= rows) controller.close()
    }
  })
}

const send = async (server: Server, upstream: Upstream, rows: number) => {
  await upstream.reset()
  await Bun.sleep(500)
  const exact = resetPeak(server.pid)
  const [cpu, start] = [cpuSeconds(server.pid), performance.now()]
  const answer = await fetch(`http://127.0.0.1:${server.port}/api/v1/tb/telemetry/bulk`, {
    method: "POST",
    headers: { "x-api-key": server.apiKey, "content-type": "application/x-ndjson" },
    body: body(rows)
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${server.name} refused the rows with ${answer.status}: ${text.slice(0, 500)}`)
  const seconds = (performance.now() - start) / 1_000
  const { writes, points, calls, unmatched } = await upstream.stats()
  if (points !== rows) throw new Error(`ThingsBoard was sent ${points} points of ${rows} rows: ${text.slice(0, 500)}`)
  if (unmatched.length > 0) throw new Error(`The fake ThingsBoard has no ${unmatched.join(", ")}`)
  return { rows, seconds, cpu: cpuSeconds(server.pid) - cpu, writes, otherCalls: calls - writes, peak: memory(server.pid).peak, exact }
}

export const benchImport = async (options: Options) => {
  const rows = options.short ? 10_000 : 100_000
  const upstream = await startUpstream()
  await upstream.set({ devices })
  const server = await startBoardwalk(upstream, options)
  await send(server, upstream, rows)
  const one = await send(server, upstream, rows)
  const ten = await send(server, upstream, 10 * rows)
  const kept: ReadonlyArray<Verdict> = [
    atMost("calls that write, 100 rows a device", one.writes, devices, "", "one a device and batch"),
    atMost("other calls to ThingsBoard", one.otherCalls, 20, "", "to see which devices there are"),
    atMost("peak memory, ten times the rows", ten.peak, one.peak * 1.25, "MB", "flat: a quarter above the shorter import's")
  ]
  const text = table(
    ["rows", "s", "rows/s", "CPU s", "calls that write", "other calls", "peak MB"],
    [one, ten].map((each) =>
      [each.rows, each.seconds, each.rows / each.seconds, each.cpu, each.writes, each.otherCalls, each.peak].map(figure)
    )
  )
  return { verdicts: kept, runs: [one, ten], text: `${text}\n\n${verdicts(kept)}` }
}
