/**
 * `bun run bench spool`: uploads of 10 points that are acknowledged when they are on disk (`Prefer: respond-async`), while the gateway also
 * stores them in ThingsBoard; the same with a queue in Redis, if `redis-server` is installed; and a plain GET with and without a queue that is
 * configured but not used.
 */
import { join } from "node:path"
import { load } from "./load.ts"
import { cpuSeconds, memory } from "./measure.ts"
import type { Options } from "./options.ts"
import { emptyFolder, type Server, startBoardwalk, startRedis, startUpstream } from "./processes.ts"
import { atLeast, atMost, figure, median, table, type Verdict, verdicts } from "./report.ts"
import { firstTs } from "./upstream/series.ts"
import { deviceId } from "./upstream/tenant.ts"

const pointsPerUpload = 10
const devices = 1_000
const targetRate = 5_000

const points = { temperature: Array.from({ length: pointsPerUpload }, (_, index) => ({ ts: firstTs + index, value: 20 + index / 10 })) }

const upload = ({ apiKey, port }: Server) => ({
  port,
  apiKey,
  path: `/api/v1/tb/devices/${deviceId(0)}/telemetry`,
  header: "Prefer: respond-async",
  body: JSON.stringify(points)
})

/** Waits until everything is stored. Returns the seconds. */
const drain = async (server: Server) => {
  const start = performance.now()
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${server.port}/ready`)).text()
    if (text.includes("No points wait.")) return (performance.now() - start) / 1_000
    await Bun.sleep(50)
  }
}

const accept = async (server: Server, options: Options, connections: number, place: "folder" | "Redis" = "folder", rate?: number) => {
  const whole = { connections, first: "{", last: "}", status: 202 }
  await load(upload(server), { ...whole, seconds: options.warm })
  await drain(server)
  const cpu = cpuSeconds(server.pid)
  const found = await load(upload(server), { ...whole, seconds: options.seconds * 2, ...(rate === undefined ? {} : { rate }) })
  if (found.bad > 0) throw new Error(`${found.bad} responses are not 202: ${JSON.stringify(found.statuses)}`)
  const used = cpuSeconds(server.pid) - cpu
  return {
    place,
    clients: rate === undefined ? `${connections}` : `${connections}, ${rate}/s`,
    perSecond: found.requests / found.seconds,
    latency: found.latency,
    micros: (used / found.requests) * 1e6,
    drained: await drain(server),
    memory: memory(server.pid).rss
  }
}

const list = async (server: Server, options: Options) => {
  const target = { port: server.port, apiKey: server.apiKey, path: "/api/v1/tb/devices?page_size=20" }
  const cpu = cpuSeconds(server.pid)
  const { requests } = await load(target, { connections: 32, seconds: options.seconds, first: "{", last: "}" })
  return ((cpuSeconds(server.pid) - cpu) / requests) * 1e6
}

/** A gateway at a time would drift with the machine, so the two take turns. */
const compareReads = async (without: Server, having: Server, options: Options) => {
  const [before, after] = [[] as Array<number>, [] as Array<number>]
  for (let round = 0; round <= options.rounds; round++) {
    const [one, other] = [await list(without, options), await list(having, options)]
    // The first round warms up.
    if (round === 0) continue
    before.push(one)
    after.push(other)
  }
  return { without: median(before), with: median(after) }
}

export const benchSpool = async (options: Options) => {
  const upstream = await startUpstream()
  await upstream.set({ devices })
  const settings = { AUDIT_LOG: "false", MAX_CONCURRENT_REQUESTS: "1000" }
  const server = await startBoardwalk(upstream, options, { ...settings, SPOOL_DIR: join(emptyFolder, "spool") })
  const runs = [await accept(server, options, 16), await accept(server, options, 64), await accept(server, options, 256)]
  const atRate = await accept(server, options, 64, "folder", targetRate)
  runs.push(atRate)
  const redis = await startRedis()
  if (redis !== undefined) {
    const sharing = await startBoardwalk(upstream, options, { ...settings, SPOOL_REDIS_URL: redis })
    for (const connections of [16, 64, 256]) runs.push(await accept(sharing, options, connections, "Redis"))
    runs.push(await accept(sharing, options, 64, "Redis", targetRate))
  }
  const without = await startBoardwalk(upstream, options)
  const reads = await compareReads(without, server, options)
  const [, busy] = runs
  const results: ReadonlyArray<Verdict> = [
    atLeast("queued uploads of 10 points, 64 clients", busy!.perSecond, targetRate, "/s", "while they are stored as well, on one core"),
    atMost(`99th percentile at ${targetRate}/s`, atRate.latency.p99, 20, "ms", "from when an upload is due"),
    atMost("a list, with a queue that it does not use", reads.with / reads.without, 1.05, "x", "CPU time compared with no queue")
  ]
  const text = table(
    ["queue", "clients", "uploads/s", "median ms", "p99 ms", "CPU µs per upload", "s to empty", "MB"],
    runs.map(({ clients, drained, latency, memory, micros, perSecond, place }) => [
      place,
      clients,
      ...[perSecond, latency.median, latency.p99, micros, drained, memory].map(figure)
    ])
  )
  return { verdicts: results, runs, reads, text: `${text}\n\n${verdicts(results)}` }
}
