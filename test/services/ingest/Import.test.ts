/** Imports: how many writes they take, how much they buffer, and what the report says about failures. */
import { expect } from "bun:test"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../../src/config/Settings.ts"
import { GcPressure } from "../../../src/platform/GcPressure.ts"
import { DeviceAccess } from "../../../src/services/access/DeviceAccess.ts"
import { Import, type ImportOptions } from "../../../src/services/ingest/Import.ts"
import { Ingest } from "../../../src/services/ingest/Ingest.ts"
import type { ThingsBoardShape } from "../../../src/thingsboard/ThingsBoard.ts"
import { Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { failWith, stubThingsBoard } from "../../support/stubThingsBoard.ts"

const t0 = 1_700_000_000_000
const idOf = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`
const stored = Effect.succeed(Buffer.alloc(0))

const setUp = Effect.fnUntraced(function* (post: ThingsBoardShape["post"]) {
  const layer = Import.layer.pipe(
    Layer.provide(Layer.mergeAll(Ingest.layer, DeviceAccess.layer, GcPressure.layer)),
    Layer.provide(stubThingsBoard({ post })),
    Layer.provide(Settings.layerTest())
  )
  const { run } = yield* Effect.provide(Import, yield* Layer.build(layer))
  return (body: Iterable<string>, options: Partial<ImportOptions> = {}) =>
    run(
      Stream.map(Stream.fromIterable(body, { chunkSize: 1 }), (text) => Buffer.from(text)),
      {
        format: "ndjson",
        deviceId: undefined,
        dryRun: false,
        rules: { convertNumericText: false },
        ...options
      }
    )
})

/** One row per device, then the next row of each device. */
function* rows(devices: number, each: number) {
  for (let i = 0; i < each; i++) {
    let piece = ""
    for (let n = 0; n < devices; n++) piece += `{"device_id":"${idOf(n)}","ts":${t0 + i},"key":"a","value":${i}}\n`
    yield piece
  }
}

effect("a hundred thousand rows of a thousand devices are a thousand writes", () =>
  Effect.gen(function* () {
    const points = new Map<string, number>()
    const run = yield* setUp((path, json) =>
      Effect.sync(() => {
        points.set(path, (points.get(path) ?? 0) + (JSON.parse(String(json)) as Array<unknown>).length)
        return Buffer.alloc(0)
      })
    )
    const report = yield* run(rows(1000, 100))
    expect([report.accepted, report.rejectedCount]).toEqual([100_000, 0])
    expect(points.size).toBe(1000)
    expect(new Set(points.values())).toEqual(new Set([100]))
    expect(report.pointsStored.get(idOf(7))).toBe(100)
  })
)

effect("rows can name their devices in a tenant of up to 100,000 devices; in a larger one they are rejected with the reason", () =>
  Effect.gen(function* () {
    for (const devices of [100_000, 100_001]) {
      /** Pages of 1,000 devices. */
      const findEntities = (json: string | Uint8Array) => {
        const { pageLink } = JSON.parse(String(json)) as { readonly pageLink: { readonly page: number } }
        const from = pageLink.page * 1000
        const data = Array.from({ length: Math.min(1000, devices - from) }, (_, i) => ({
          entityId: { entityType: "DEVICE", id: idOf(from + i) },
          latest: { ENTITY_FIELD: { name: { ts: 0, value: `Pump ${from + i}` } } }
        }))
        return Effect.succeed(Buffer.from(JSON.stringify({ data, hasNext: from + 1000 < devices })))
      }
      const run = yield* setUp((path, json) => (path === "/api/entitiesQuery/find" ? findEntities(json) : stored))
      const report = yield* run([`{"device_name":"Pump 99999","ts":${t0},"key":"a","value":1}\n`])
      expect([report.accepted, report.rejected.map(({ reason }) => reason)]).toEqual(
        devices === 100_000 ? [1, []] : [0, ["device_name: there are more than 100,000 devices; use device_id instead"]]
      )
    }
  })
)

effect("buffered points are limited, by number and by size", () =>
  Effect.gen(function* () {
    let read = 0
    let written = 0
    let maxBuffered = 0
    const run = yield* setUp((_, json) =>
      Effect.sync(() => {
        written += (String(json).match(/"ts"/g) ?? []).length
        maxBuffered = Math.max(maxBuffered, read - written)
        return Buffer.alloc(0)
      })
    )
    const count = function* (pieces: Iterable<string>) {
      for (const piece of pieces) {
        read += piece.split("\n").length - 1
        yield piece
      }
    }
    yield* run(count(rows(1000, 400)))
    expect([read, written]).toEqual([400_000, 400_000])
    expect(maxBuffered).toBeLessThanOrEqual(301_000)
    read = written = maxBuffered = 0
    const large = Array.from(
      { length: 400 },
      (_, i) => `{"device_id":"${idOf(i)}","ts":${t0},"key":"a","value":"${"x".repeat(100_000)}"}\n`
    )
    yield* run(count(large))
    expect(written).toBe(400)
    expect(maxBuffered).toBeLessThan(180)
  })
)

effect("a point that a later row replaces is not counted as stored", () =>
  Effect.gen(function* () {
    const run = yield* setUp(() => stored)
    const row = (value: number) => `{"device_id":"${idOf(1)}","ts":${t0},"key":"a","value":${value}}\n`
    const report = yield* run([row(1), row(2)])
    expect([report.accepted, report.replaced, report.pointsStored.get(idOf(1))]).toEqual([2, 1, 1])
  })
)

effect("an import waits for a ThingsBoard that is unavailable for a moment", () =>
  Effect.gen(function* () {
    let calls = 0
    const run = yield* setUp(() => Effect.suspend(() => (++calls < 4 ? failWith(new Unavailable({ why: "refused" })) : stored)))
    const fiber = yield* Effect.forkChild(run([...rows(1, 3)]))
    yield* TestClock.adjust("30 seconds")
    const { accepted, rejectedCount } = yield* Fiber.join(fiber)
    expect([accepted, rejectedCount, calls]).toEqual([3, 0, 4])
  })
)

effect("a ThingsBoard that stays unavailable is given up once, and every row that was not stored is reported", () =>
  Effect.gen(function* () {
    let calls = 0
    const run = yield* setUp(() => {
      calls++
      return failWith(new Unavailable({ why: "refused" }))
    })
    const fiber = yield* Effect.forkChild(run(rows(1000, 2)))
    yield* TestClock.adjust("2 minutes")
    const report = yield* Fiber.join(fiber)
    expect([report.accepted, report.rejectedCount, report.unknown + report.notSent]).toEqual([0, 0, 2000])
    expect([report.status, report.resumeLine]).toEqual(["failed", 1])
    expect(report.pointsStored.size).toBe(0)
    // The writes already running are retried; the others are not even tried.
    expect(calls).toBeLessThan(200)
  })
)

effect("a CSV body without a header is rejected", () =>
  Effect.gen(function* () {
    const run = yield* setUp(() => stored)
    const empty = yield* Effect.flip(run([], { format: "csv" }))
    expect(empty).toMatchObject({ _tag: "InvalidInput", errors: [{ field: "body", issue: "Expected a header, but the file is empty" }] })
  })
)
