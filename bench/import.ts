/**
 * `bun run bench import`: streams NDJSON for 1,000 devices to `POST telemetry/import` and measures the calls to ThingsBoard, the time, and the
 * memory compared with that of ten times the rows.
 */
import { cpuSeconds, memory, resetPeak } from "./measure.ts"
import type { Options } from "./options.ts"
import { type Server, startBoardwalk, startUpstream, type Upstream } from "./processes.ts"
import { atMost, figure, table, type Verdict, verdicts } from "./report.ts"
import { firstTs, stepMs, valueOf } from "./upstream/series.ts"
import { deviceId } from "./upstream/tenant.ts"

const devices = 1_000
const linesPerChunk = 1_000
const ids = Array.from({ length: devices }, (_, index) => deviceId(index))

/** Rows in order of time, as a logger writes them: consecutive rows belong to different devices, which is the hard case for batching. */
const makeBody = (rows: number) => {
  const utf8 = new TextEncoder()
  let row = 0
  return new ReadableStream<Uint8Array>({
    pull: (controller) => {
      let text = ""
      for (const end = Math.min(rows, row + linesPerChunk); row < end; row++) {
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
  const response = await fetch(`http://127.0.0.1:${server.port}/api/v1/tb/telemetry/import`, {
    method: "POST",
    headers: { "x-api-key": server.apiKey, "content-type": "application/x-ndjson" },
    body: makeBody(rows)
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${server.name} rejected the rows with ${response.status}: ${text.slice(0, 500)}`)
  const seconds = (performance.now() - start) / 1_000
  const { writes, points, calls, unmatched } = await upstream.stats()
  if (points !== rows) throw new Error(`ThingsBoard received ${points} points from ${rows} rows: ${text.slice(0, 500)}`)
  if (unmatched.length > 0) throw new Error(`The fake ThingsBoard does not serve ${unmatched.join(", ")}`)
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
  const results: ReadonlyArray<Verdict> = [
    atMost("write calls, 100 rows per device", one.writes, devices, "", "one per device per batch"),
    atMost("other calls to ThingsBoard", one.otherCalls, 20, "", "to look up the devices"),
    atMost("peak memory, ten times the rows", ten.peak, one.peak * 1.25, "MB", "flat: at most 25% above the shorter import")
  ]
  const text = table(
    ["rows", "s", "rows/s", "CPU s", "write calls", "other calls", "peak MB"],
    [one, ten].map((each) =>
      [each.rows, each.seconds, each.rows / each.seconds, each.cpu, each.writes, each.otherCalls, each.peak].map(figure)
    )
  )
  return { verdicts: results, runs: [one, ten], text: `${text}\n\n${verdicts(results)}` }
}
