/** `bun run bench http`: CPU time per request of Boardwalk and of the bare server, in alternating rounds: A B, B A, A B, … */
import { load, type LoadResult } from "./load.ts"
import { cpuSeconds, memory } from "./measure.ts"
import type { Options } from "./options.ts"
import { type Server, startBoardwalk, startPeer, startUpstream, type Upstream } from "./processes.ts"
import { atMost, figure, median, table, type Verdict, verdicts } from "./report.ts"
import { keyNames } from "./upstream/series.ts"
import { deviceId } from "./upstream/tenant.ts"

const keys = keyNames.join(",")
const device = deviceId(7)

interface Route {
  readonly path: string
  readonly first: string
  readonly last: string
  /** Whether this is the expected response; checked once, before anything is measured. */
  readonly check: (body: string) => boolean
}

const countFields = (body: string, name: string) => body.split(`"${name}":`).length - 1
const json = (path: string, check: Route["check"]): Route => ({ path, first: "{", last: "}", check })
const has20Devices = (body: string) => countFields(body, "createdTime") === 20 || countFields(body, "created_time") === 20
const has5Keys = (body: string) => keyNames.every((key) => countFields(body, key) >= 1)

interface Scenario {
  readonly name: string
  readonly bare: Route
  readonly boardwalk: Route
  readonly vary: boolean
  readonly limit: number
  /** Whether responses may come from the gateway's cache, or from a call that another request has begun. */
  readonly cached?: boolean
}

const health = {
  bare: { path: "/health", first: "o", last: "k", check: (body: string) => body === "ok" },
  boardwalk: json("/health", (body) => body.includes("status"))
}
const list = {
  bare: json("/api/tenant/devices?pageSize=20&page=0", has20Devices),
  boardwalk: json("/api/v1/tb/devices?page_size=20", has20Devices)
}
const latest = {
  bare: json(`/api/plugins/telemetry/DEVICE/${device}/values/timeseries?keys=${keys}&useStrictDataTypes=true`, has5Keys),
  boardwalk: json(`/api/v1/tb/devices/${device}/telemetry/latest?keys=${keys}`, has5Keys)
}

const scenarios: ReadonlyArray<Scenario> = [
  { name: "/health, compared with a no-op", ...health, vary: false, limit: 1.5 },
  { name: "list of 20 devices, varying responses", ...list, vary: true, limit: 1.4 },
  { name: "list of 20 devices, constant responses", ...list, vary: false, limit: 1.4 },
  { name: "list of 20 devices, from the cache", ...list, vary: false, limit: 0.6, cached: true },
  { name: "latest of 5 keys, varying responses", ...latest, vary: true, limit: 1.5 },
  { name: "latest of 5 keys, constant responses", ...latest, vary: false, limit: 1.5 }
]

interface Sample {
  readonly micros: number
  /** The share of one core that the server used; far below 1, it was not the bottleneck and the figure is less reliable. */
  readonly busy: number
  readonly upstreamCalls: number
  readonly load: LoadResult
}

/** Otherwise every request would be answered from the first one's call. It costs the gateway a call of its own, which it keeps. */
const uncached = "Cache-Control: no-cache"

const measure = async (
  server: Server,
  upstream: Upstream,
  route: Route,
  header: string | undefined,
  seconds: number,
  connections: number
): Promise<Sample> => {
  await upstream.reset()
  const before = cpuSeconds(server.pid)
  const result = await load({ ...server, path: route.path, header }, { ...route, connections, seconds })
  const cpu = cpuSeconds(server.pid) - before
  if (result.bad > 0)
    throw new Error(`${server.name} ${route.path}: ${result.bad} unexpected responses, ${JSON.stringify(result.statuses)}`)
  const { calls } = await upstream.stats()
  return { micros: (cpu * 1e6) / result.requests, busy: cpu / result.seconds, upstreamCalls: calls / result.requests, load: result }
}

const checkResponse = async (server: Server, route: Route) => {
  const response = await fetch(`http://127.0.0.1:${server.port}${route.path}`, { headers: { "x-api-key": server.apiKey } })
  const body = await response.text()
  if (!route.check(body)) throw new Error(`${server.name} ${route.path} responded with ${response.status}: ${body.slice(0, 300)}`)
}

const summarize = (samples: ReadonlyArray<Sample>) => {
  const medianOf = (value: (sample: Sample) => number) => median(samples.map(value))
  return {
    micros: medianOf((sample) => sample.micros),
    perSecond: medianOf((sample) => sample.load.requests / sample.load.seconds),
    medianMs: medianOf((sample) => sample.load.latency.median),
    p99Ms: medianOf((sample) => sample.load.latency.p99),
    busy: medianOf((sample) => sample.busy),
    upstreamCalls: medianOf((sample) => sample.upstreamCalls)
  }
}

const compare = async (scenario: Scenario, bare: Server, other: Server, upstream: Upstream, options: Options) => {
  const { rounds, seconds, warm, connections } = options
  const routes = [scenario.bare, options.self ? scenario.bare : scenario.boardwalk] as const
  const sides = [bare, other] as const
  const header = scenario.cached === true ? undefined : uncached
  await upstream.set({ vary: scenario.vary ? 1 : 0 })
  for (const side of [0, 1] as const) {
    await checkResponse(sides[side], routes[side])
    await measure(sides[side], upstream, routes[side], header, warm, connections)
  }
  const samples: [Array<Sample>, Array<Sample>] = [[], []]
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      samples[side].push(await measure(sides[side], upstream, routes[side], header, seconds, connections))
    }
  }
  const ratios = samples[1].map((sample, round) => sample.micros / samples[0][round]!.micros)
  const ratio = { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
  return { name: scenario.name, limit: scenario.limit, ratio, bare: summarize(samples[0]), other: summarize(samples[1]) }
}

const idleMemory = async (server: Server, options: Options) => {
  await Bun.sleep(options.short ? 200 : 3_000)
  return memory(server.pid).rss
}

export const benchHttp = async (options: Options) => {
  const upstream = await startUpstream()
  const bare = await startPeer(upstream)
  const other = options.self ? await startPeer(upstream, "bare Bun again") : await startBoardwalk(upstream, options)
  const idleMb = { bare: await idleMemory(bare, options), other: await idleMemory(other, options) }
  const selected = scenarios.filter(({ name }) => options.only.length === 0 || options.only.some((word) => name.includes(word)))
  const results = []
  for (const scenario of selected) results.push(await compare(scenario, bare, other, upstream, options))
  const afterMb = { bare: memory(bare.pid).rss, other: memory(other.pid).rss }

  const columns = ["scenario", "server", "µs per request", "requests/s", "p50 ms", "p99 ms", "core used", "upstream calls"]
  const row = (name: string, server: string, result: ReturnType<typeof summarize>) => [
    name,
    server,
    ...[result.micros, result.perSecond, result.medianMs, result.p99Ms, result.busy, result.upstreamCalls].map(figure)
  ]
  const rows = results.flatMap(({ name, bare: plain, other: full }) => [row(name, bare.name, plain), row("", other.name, full)])
  const list: Array<Verdict> = results.map(({ name, ratio, limit, other }) => {
    const idling = other.busy < 0.8 ? "; the core was not fully used, so this is too high" : ""
    return atMost(name, ratio.median, limit, "x", `rounds ${figure(ratio.min)} to ${figure(ratio.max)}${idling}`)
  })
  list.push(
    atMost(
      "memory when idle",
      idleMb.other,
      90,
      "MB",
      `bare ${figure(idleMb.bare)}; after the load ${figure(afterMb.other)}, bare ${figure(afterMb.bare)}`
    )
  )
  return { verdicts: list, results, idleMb, afterMb, text: `${table(columns, rows)}\n\n${verdicts(list)}` }
}
