/**
 * `bun run bench export`: a million rows in every format. Measures the time compared with the bare export, the time to the first byte, the
 * memory, and the latency of other requests meanwhile.
 */
import { download, type Download } from "./load.ts"
import { cpuSeconds, memory, resetPeak } from "./measure.ts"
import type { Options } from "./options.ts"
import { type ProbeResult, type Server, startBoardwalk, startPeer, startUpstream, type Upstream, withProbe } from "./processes.ts"
import { atLeast, atMost, figure, median, table, type Verdict, verdicts } from "./report.ts"
import { firstTs, stepMs } from "./upstream/series.ts"
import { deviceId } from "./upstream/tenant.ts"

const device = deviceId(7)
const endOf = (rows: number) => firstTs + rows * stepMs

import type { Format } from "../src/domain/Format.ts"

/** Boardwalk's export of `rows` rows, spread over the keys. */
const exportPath = (format: Format, rows: number, keys = ["temperature"]) =>
  `/api/v1/tb/devices/${device}/telemetry/export?keys=${keys.join(",")}&start_ts=${firstTs}&end_ts=${endOf(Math.ceil(rows / keys.length))}&format=${format}`
/** The bare server's export. People usually read pages of 10,000 rows; pages of 50,000 need fewer calls and more memory. */
const barePath = (rows: number, page = 10_000) =>
  `/export.csv?device=${device}&key=temperature&start_ts=${firstTs}&end_ts=${endOf(rows)}&page=${page}`

const threeKeys = ["temperature", "humidity", "pressure"]

interface Timing extends Download {
  readonly cpu: number
}

const run = async (server: Server, path: string, onBody?: (bytes: Uint8Array) => void): Promise<Timing> => {
  const before = cpuSeconds(server.pid)
  const result = await download({ ...server, path }, onBody)
  if (result.status !== 200 || !result.complete) {
    throw new Error(`${server.name} ${path}: status ${result.status}, ${result.bytes} bytes, ${result.complete ? "complete" : "truncated"}`)
  }
  return { ...result, cpu: cpuSeconds(server.pid) - before }
}

const countLines = async (server: Server, path: string) => {
  let count = 0
  await run(server, path, (bytes) => {
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++
  })
  return count
}

interface Lane {
  readonly name: string
  readonly server: Server
  readonly path: string
}

const summarize = (timings: ReadonlyArray<Timing>) => ({
  seconds: median(timings.map(({ seconds }) => seconds)),
  cpu: median(timings.map(({ cpu }) => cpu)),
  firstByteMs: median(timings.map(({ firstByteMs }) => firstByteMs)),
  megabytes: timings[0]!.bytes / 1e6
})
const summarizeAt = (latencyMs: number) => (entry: readonly [string, ReadonlyArray<Timing>]) => ({
  name: entry[0],
  latencyMs,
  ...summarize(entry[1])
})
type Timings = ReadonlyMap<string, ReadonlyArray<Timing>>

/** Runs each lane once per round, after three rounds that do not count. */
const compare = async (lanes: ReadonlyArray<Lane>, rounds: number): Promise<Timings> => {
  const results = new Map(lanes.map(({ name }) => [name, [] as Array<Timing>]))
  for (let round = -3; round < rounds; round++) {
    for (const { name, server, path } of round % 2 === 0 ? lanes : [...lanes].reverse()) {
      const timing = await run(server, path)
      if (round >= 0) results.get(name)!.push(timing)
    }
  }
  return results
}

/** The median over all rounds of the time of `slow` divided by the time of `fast`. */
const timeRatio = (results: Timings, slow: string, fast: string) => {
  const reference = results.get(fast)!
  return median(results.get(slow)!.map(({ seconds }, round) => seconds / reference[round]!.seconds))
}

const measurePeak = async <A>(server: Server, work: () => Promise<A>) => {
  await Bun.sleep(500)
  const exact = resetPeak(server.pid)
  const [result, probe] = await withProbe(server, work)
  return { result, probe, peak: memory(server.pid).peak, exact }
}

/** Boardwalk responds with 4xx to a format that it does not support. */
const supportsFormat = async (server: Server, format: Format) => {
  const { status } = await download({ ...server, path: exportPath(format, 10) })
  return status === 200
}

const probeNote = ({ latency, lag }: ProbeResult) =>
  `/health p50 ${figure(latency.median)}, p95 ${figure(latency.p95)}, max ${figure(latency.max)} ms; the probe's own lag up to ${figure(lag.max)} ms`

const speed = async (bare: Server, full: Server, upstream: Upstream, rows: number, rounds: number) => {
  const csv = { name: "csv", server: full, path: exportPath("csv", rows) }
  const plain = { name: "bare csv", server: bare, path: barePath(rows) }
  const large = { name: "bare csv, pages of 50,000", server: bare, path: barePath(rows, 50_000) }
  const text = (["jsonl", "json"] as const).map((format) => ({ name: format, server: full, path: exportPath(format, rows) }))
  const styles = [
    { name: "csv with local times", server: full, path: `${exportPath("csv", rows)}&timezone=Europe/Berlin` },
    { name: "csv of three keys", server: full, path: exportPath("csv", rows, threeKeys) },
    { name: "wide csv of three keys", server: full, path: `${exportPath("csv", rows, threeKeys)}&layout=wide` }
  ]
  const near = await compare([plain, large, csv, ...text, ...styles], rounds)
  await upstream.set({ latency: 5 })
  const far = await compare([plain, large, csv], rounds)
  await upstream.set({ latency: 20 })
  const farther = await compare([plain, large, csv], rounds)
  await upstream.set({ latency: 0 })
  const timings = [...[...near].map(summarizeAt(0)), ...[...far].map(summarizeAt(5)), ...[...farther].map(summarizeAt(20))]
  const first = summarize(near.get("csv")!).firstByteMs
  const verdict: ReadonlyArray<Verdict> = [
    atLeast("csv, speed relative to the bare export", timeRatio(near, "bare csv", "csv"), 2, "x"),
    atLeast("csv, speed relative to the bare export, ThingsBoard 5 ms away", timeRatio(far, "bare csv", "csv"), 1.5, "x"),
    atLeast("csv, speed relative to the bare export, ThingsBoard 20 ms away", timeRatio(farther, "bare csv", "csv"), 2.5, "x"),
    atMost("jsonl, time relative to csv", timeRatio(near, "jsonl", "csv"), 1.2, "x"),
    atMost("json, time relative to csv", timeRatio(near, "json", "csv"), 1.2, "x"),
    atMost("csv with local times, time relative to csv", timeRatio(near, "csv with local times", "csv"), 1.5, "x"),
    atMost("wide csv of three keys, time relative to csv", timeRatio(near, "wide csv of three keys", "csv of three keys"), 1.5, "x"),
    atMost("time to the first byte", first, 50, "ms", `5 ms away: ${figure(summarize(far.get("csv")!).firstByteMs)} ms`)
  ]
  const cells = timings.map((each) => [
    each.name,
    `${each.latencyMs} ms`,
    ...[each.seconds, rows / each.seconds / 1e6, each.cpu, each.firstByteMs, each.megabytes].map(figure)
  ])
  return { verdict, timings, text: table(["export", "upstream", "s", "M rows/s", "CPU s", "first byte ms", "MB"], cells) }
}

const footprint = async (full: Server, upstream: Upstream, rows: number): Promise<ReadonlyArray<Verdict>> => {
  const one = await measurePeak(full, () => run(full, exportPath("csv", rows)))
  await upstream.set({ points: 20 * rows })
  const twenty = await measurePeak(full, () => run(full, exportPath("csv", 20 * rows)))
  await upstream.set({ points: rows })
  const four = await measurePeak(full, () => Promise.all(Array.from({ length: 4 }, () => run(full, exportPath("csv", rows)))))
  const note = one.exact ? undefined : "peak since the start: /proc/<pid>/clear_refs is not writable"
  // The garbage collector decides when to run: two runs of the same work differ by a few megabytes, hence the margin of 10%.
  return [
    atMost("peak memory, one csv export", one.peak, 130, "MB", note),
    atMost(
      "peak memory, one csv export with twenty times the rows",
      twenty.peak,
      one.peak * 1.1,
      "MB",
      `${figure(twenty.result.seconds)} s`
    ),
    atMost(
      "peak memory, four exports at once",
      four.peak,
      200,
      "MB",
      `all in ${figure(Math.max(...four.result.map((each) => each.seconds)))} s`
    ),
    atMost("/health during exports, median", four.probe.latency.median, 5, "ms", probeNote(four.probe)),
    atMost("/health during exports, maximum", four.probe.latency.max, 50, "ms")
  ]
}

const binary = async (
  full: Server,
  format: "xlsx" | "parquet",
  path: string,
  seconds: number,
  megabytes: number
): Promise<ReadonlyArray<Verdict>> => {
  if (!(await supportsFormat(full, format)))
    return [
      { what: `${format}, a million rows`, value: Number.NaN, unit: "", target: `<= ${seconds}`, reached: false, note: "not supported" }
    ]
  await run(full, path)
  const { result, peak, probe } = await measurePeak(full, () => run(full, path))
  return [
    atMost(`${format}, a million rows`, result.seconds, seconds, "s", `${figure(result.bytes / 1e6)} MB`),
    atMost(`${format}, peak memory`, peak, megabytes, "MB"),
    atMost(`${format}, maximum latency of /health`, probe.latency.max, 50, "ms", probeNote(probe))
  ]
}

export const benchExport = async (options: Options) => {
  const rows = options.short ? 100_000 : 1_000_000
  const upstream = await startUpstream()
  await upstream.set({ points: rows })
  const bare = await startPeer(upstream)
  if (options.self) {
    const lanes = ["bare csv", "csv"].map((name) => ({ name, server: bare, path: barePath(rows) }))
    const ratio = timeRatio(await compare(lanes, options.rounds), "bare csv", "csv")
    return { ratio, text: `${await countLines(bare, barePath(rows))} lines; the bare export against itself: ${figure(ratio)} x` }
  }
  const full = await startBoardwalk(upstream, options)
  for (const [format, expected] of [
    ["csv", rows + 1],
    ["jsonl", rows]
  ] as const) {
    const found = await countLines(full, exportPath(format, rows))
    if (found !== expected) throw new Error(`Boardwalk's ${format} has ${found} lines, not ${expected}`)
  }
  const { verdict, timings, text } = await speed(bare, full, upstream, rows, options.rounds)
  const results = [
    ...verdict,
    ...(await footprint(full, upstream, rows)),
    ...(await binary(full, "xlsx", exportPath("xlsx", rows, ["temperature", "humidity"]), 3, 180)),
    ...(await binary(full, "parquet", exportPath("parquet", rows), 2, 150))
  ]
  return { verdicts: results, timings, text: `${text}\n\n${verdicts(results)}` }
}
