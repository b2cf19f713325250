/**
 * Whatever ThingsBoard rejects and whenever it fails, the report of an import matches what is stored then: rows that count as stored are
 * there, rejected rows are not, and every row is counted once. `FAULT_SEED=<n>` repeats one run.
 */
import { expect } from "bun:test"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../../src/config/Settings.ts"
import { GcPressure } from "../../../src/platform/GcPressure.ts"
import { DeviceAccess } from "../../../src/services/access/DeviceAccess.ts"
import { Import } from "../../../src/services/ingest/Import.ts"
import type { ImportReport } from "../../../src/services/ingest/ImportReport.ts"
import { Ingest } from "../../../src/services/ingest/Ingest.ts"
import { InvalidResponse, Rejected, ThingsBoardError, Timeout, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { stubThingsBoard } from "../../support/stubThingsBoard.ts"

const t0 = 1_700_000_000_000
const idOf = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`
const error = (reason: ThingsBoardError["reason"], status?: number) =>
  new ThingsBoardError({ reason, ...(status === undefined ? {} : { status }) })
const status500 = error(new Unavailable({ why: "status" }), 500)

/** Failures, and how much of the write is stored nevertheless. */
const faults: ReadonlyArray<readonly [ThingsBoardError, stored: "none" | "half" | "all"]> = [
  [status500, "none"],
  [status500, "half"],
  [status500, "all"],
  [error(new Unavailable({ why: "status" }), 503), "none"],
  [error(new Unavailable({ why: "broken" })), "none"],
  [error(new Unavailable({ why: "broken" })), "all"],
  [error(new Timeout()), "all"],
  [error(new Timeout()), "half"],
  [error(new InvalidResponse(), 200), "none"]
]

/** Mulberry32. */
const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

interface Row {
  readonly device: string
  readonly line: number
  readonly points: ReadonlyArray<readonly [key: string, ts: number, value: string]>
  readonly isBad: boolean
}

/** A ThingsBoard that cannot store the values "bad500" and "bad400", and fails as the random numbers say. */
const thingsBoardOf = (random: () => number, failAt: (call: number) => boolean) => {
  const held = new Map<string, string>()
  let calls = 0
  const post = (path: string, json: string | Uint8Array) =>
    Effect.suspend(() => {
      calls++
      const device = path.split("/")[5]!
      const moments = JSON.parse(String(json)) as ReadonlyArray<{ readonly ts: number; readonly values: Record<string, string | number> }>
      const points = moments.flatMap(({ ts, values }) =>
        Object.entries(values).map(([key, value]) => [`${device} ${key} ${ts}`, String(value)] as const)
      )
      const save = (some: typeof points) => {
        for (const [at, value] of some) if (!value.startsWith("bad")) held.set(at, value)
      }
      if (failAt(calls)) {
        const [failure, stored] = faults[Math.floor(random() * faults.length)]!
        if (stored !== "none") save(points.slice(0, stored === "all" ? points.length : points.length / 2))
        return Effect.fail(failure)
      }
      if (points.some(([, value]) => value === "bad400")) return Effect.fail(error(new Rejected(), 400))
      if (points.some(([, value]) => value === "bad500")) {
        save(points.slice(0, random() * points.length))
        return Effect.fail(status500)
      }
      save(points)
      return Effect.succeed(Buffer.alloc(0))
    })
  return { held, post, calls: () => calls }
}

const runImport = Effect.fnUntraced(function* (
  { post }: ReturnType<typeof thingsBoardOf>,
  format: "csv" | "ndjson",
  body: ReadonlyArray<string>,
  fromLine = 1
): Effect.fn.Return<ImportReport> {
  const layer = Import.layer.pipe(
    Layer.provide(Layer.mergeAll(Ingest.layer, DeviceAccess.layer, GcPressure.layer)),
    Layer.provide(stubThingsBoard({ post })),
    Layer.provide(Settings.layerTest())
  )
  const { run } = yield* Effect.provide(Import, Layer.build(layer).pipe(Effect.scoped, Effect.orDie, Layer.effectContext))
  const stream = Stream.map(Stream.fromIterable(body, { chunkSize: 1 }), (line) => Buffer.from(`${line}\n`))
  const fiber = yield* Effect.forkChild(
    run(stream, { format, deviceId: undefined, dryRun: false, fromLine, rules: { convertNumericText: false } }),
    {
      startImmediately: true
    }
  )
  // Pauses begin while the clock is moved, too.
  while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 minute")
  return yield* Effect.orDie(Fiber.join(fiber))
})

const rowsOf = (random: () => number, format: "csv" | "ndjson") => {
  const devices = random() < 0.4 ? 1 : 1 + Math.floor(random() * 8)
  const badShare = [0, 0.003, 0.05][Math.floor(random() * 3)]!
  const first = format === "csv" ? 2 : 1
  return Array.from({ length: 1 + Math.floor(random() * 800) }, (_, i): Row => {
    const isBad = random() < badShare
    const bad = random() < 0.5 ? "bad500" : "bad400"
    const a = [["a", t0 + i, isBad ? bad : `v${i}`]] as const
    const points = random() < 0.3 ? ([...a, ["b", t0 + i, `w${i}`]] as const) : a
    return { device: idOf(Math.floor(random() * devices)), line: first + i, points, isBad }
  })
}

const render = (rows: ReadonlyArray<Row>, format: "csv" | "ndjson") =>
  format === "csv"
    ? ["device_id,ts,a,b", ...rows.map(({ device, points }) => `${device},${points[0]![1]},${points[0]![2]},${points[1]?.[2] ?? ""}`)]
    : rows.map(({ device, points }) =>
        JSON.stringify({ device_id: device, ts: points[0]![1], values: Object.fromEntries(points.map(([key, , value]) => [key, value])) })
      )

const runs = process.env["FAULT_SEED"] === undefined ? Array.from({ length: 60 }, (_, i) => i + 1) : [Number(process.env["FAULT_SEED"])]

for (const seed of runs)
  effect(`the report matches what is stored (FAULT_SEED=${seed})`, () =>
    Effect.gen(function* () {
      const random = randomOf(seed)
      const format = random() < 0.5 ? "csv" : "ndjson"
      const rows = rowsOf(random, format)
      const kind = Math.floor(random() * 4)
      const [from, length] = [1 + Math.floor(random() * 12), 1 + Math.floor(random() * 40)]
      let isHealthy = false
      const failAt = (call: number) =>
        isHealthy || kind === 0 ? false : kind === 1 ? random() < 0.15 : kind === 2 ? call >= from && call < from + length : call >= from
      const thingsBoard = thingsBoardOf(random, failAt)
      const report = yield* runImport(thingsBoard, format, render(rows, format))
      const { accepted, notSent, pointsStored, rejected, rejectedCount, resumeLine, status, unknown } = report

      expect(accepted + rejectedCount + unknown + notSent).toBe(rows.length)
      expect(rejected.length).toBe(rejectedCount)
      const refused = new Set(rejected.map(({ line }) => line))
      const isThere = ({ device, points }: Row) =>
        points.every(([key, ts, value]) => thingsBoard.held.get(`${device} ${key} ${ts}`) === value)
      // Before the line to resume from, every row is stored or rejected.
      const before = rows.filter(({ line }) => line < (resumeLine ?? Number.POSITIVE_INFINITY))
      for (const row of before) if (!refused.has(row.line)) expect([row.line, isThere(row)]).toEqual([row.line, true])
      for (const row of rows) if (refused.has(row.line) && row.isBad) expect(isThere(row)).toBe(false)
      expect(rows.filter(isThere).length).toBeGreaterThanOrEqual(accepted)
      expect(accepted).toBeGreaterThanOrEqual(before.length - [...before].filter(({ line }) => refused.has(line)).length)
      const points = [...pointsStored.values()].reduce((sum, stored) => sum + stored, 0)
      expect(points).toBeLessThanOrEqual(thingsBoard.held.size)
      expect(status).toBe(accepted === rows.length ? "success" : accepted === 0 ? "failed" : "partial")
      if (kind === 0) {
        expect(points).toBe(thingsBoard.held.size)
        for (const row of rows) if (refused.has(row.line)) expect(row.isBad).toBe(true)
      }
      expect(thingsBoard.calls()).toBeLessThan(3000)

      if (resumeLine === undefined) return
      isHealthy = true
      const resumed = yield* runImport(thingsBoard, format, render(rows, format), resumeLine)
      expect(resumed.resumeLine).toBeUndefined()
      expect(resumed.accepted + resumed.rejectedCount).toBe(rows.length - before.length)
      for (const row of rows) {
        const isRefused = row.line < resumeLine ? refused.has(row.line) : row.isBad
        expect([row.line, isRefused || isThere(row)]).toEqual([row.line, true])
      }
    })
  )
