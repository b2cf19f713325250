import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { EntityNotFound } from "../../../src/domain/Errors.ts"
import { ImportReport } from "../../../src/services/ingest/ImportReport.ts"
import { type ImportTarget, ImportWriter } from "../../../src/services/ingest/ImportWriter.ts"
import type { BufferedPoints } from "../../../src/services/ingest/PointBuffer.ts"
import { Forbidden, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { failWith } from "../../support/stubThingsBoard.ts"

const device = (deviceId: string, ...lines: ReadonlyArray<number>): BufferedPoints => ({
  deviceId,
  size: lines.length,
  unpack: () => ({
    deviceId,
    lines,
    ends: lines.map((_, row) => row + 1),
    points: lines.map((ts) => ({ key: "a", ts, token: "1" }))
  })
})

/** A writer and its report; `stored` lists the devices that were written, also without success. */
const writerOver = (target: Partial<ImportTarget>) => {
  const stored: Array<string> = []
  const report = new ImportReport()
  const { store = (_, points) => Effect.succeed(points.length) } = target
  const writer = new ImportWriter(
    {
      findMissing: () => Effect.succeed([]),
      concurrency: 1,
      ...target,
      store: (deviceId, points) =>
        Effect.suspend(() => {
          stored.push(deviceId)
          return store(deviceId, points)
        })
    },
    report
  )
  return { report, stored, writer }
}

const missingDevice = (id: string) => Effect.fail(new EntityNotFound({ entityType: "DEVICE", id }))

effect("points that a later one replaced are not counted as stored", () =>
  Effect.gen(function* () {
    const { report, writer } = writerOver({ store: () => Effect.succeed(1) })
    yield* writer.write([device("a", 1, 2)])
    yield* writer.write([device("a", 3, 4)])
    expect([report.accepted, report.replaced, report.rejectedCount]).toEqual([4, 2, 0])
    expect([...report.pointsStored]).toEqual([["a", 2]])
  })
)

effect("a device that turns out to be missing is not written again, and the other devices are", () =>
  Effect.gen(function* () {
    const { report, stored, writer } = writerOver({
      store: (id, points) => (id === "a" ? missingDevice(id) : Effect.succeed(points.length))
    })
    expect(writer.isMissing("a")).toBe(false)
    yield* writer.write([device("a", 1, 2), device("b", 3)])
    yield* writer.write([device("a", 4), device("b", 5)])
    expect(stored).toEqual(["a", "b", "b"])
    expect([writer.isMissing("a"), writer.isMissing("b")]).toEqual([true, false])
    expect(report.rejected.map(({ line }) => line)).toEqual([1, 2, 4])
    expect(new Set(report.rejected.map(({ reason }) => reason))).toEqual(new Set(["the device does not exist or is not visible"]))
    expect([report.accepted, report.pointsStored.get("b")]).toEqual([2, 2])
  })
)

effect("devices known to be missing before the write are not written at all", () =>
  Effect.gen(function* () {
    const { report, stored, writer } = writerOver({ findMissing: (ids) => Effect.succeed(ids.filter((id) => id === "a")) })
    yield* writer.write([device("a", 1), device("b", 2)])
    expect(stored).toEqual(["b"])
    expect([report.accepted, report.rejected.map(({ line }) => line)]).toEqual([1, [1]])
  })
)

effect("one write that ThingsBoard does not accept does not end the others", () =>
  Effect.gen(function* () {
    const { report, stored, writer } = writerOver({
      store: (id, { length }) => (id === "a" ? failWith(new Forbidden()) : Effect.succeed(length))
    })
    yield* writer.write([device("a", 1), device("b", 2)])
    yield* writer.write([device("a", 3)])
    expect(stored).toEqual(["a", "b", "a"])
    expect(report.rejected).toEqual([
      { line: 1, reason: "a: ThingsBoard rejects this key or value" },
      { line: 3, reason: "a: ThingsBoard rejects this key or value" }
    ])
  })
)

effect("after a write that stayed unavailable for all its retries, nothing more is written", () =>
  Effect.gen(function* () {
    const { report, stored, writer } = writerOver({ store: () => failWith(new Unavailable({ why: "refused" })) })
    const fiber = yield* Effect.forkChild(writer.write([device("a", 1)]))
    yield* TestClock.adjust("2 minutes")
    yield* Fiber.join(fiber)
    const attempts = stored.length
    expect(attempts).toBeGreaterThan(3)
    yield* writer.write([device("b", 2), device("c", 3)])
    expect(stored.length).toBe(attempts)
    expect([report.accepted, report.rejectedCount, report.unknown, report.notSent]).toEqual([0, 0, 1, 2])
    expect([report.status, report.resumeLine]).toEqual(["failed", 1])
  })
)

effect("a failed search for missing devices ends the import", () =>
  Effect.gen(function* () {
    const { stored, writer } = writerOver({ findMissing: () => failWith(new Unavailable({ why: "refused" })) })
    expect(yield* Effect.flip(writer.write([device("a", 1)]))).toMatchObject({ reason: { _tag: "Unavailable" } })
    expect(stored).toEqual([])
  })
)

effect("a lookup that fails after points were stored is repeated; if it fails for good, the other points are reported as not sent", () =>
  Effect.gen(function* () {
    let lookups = 0
    const { report, stored, writer } = writerOver({
      findMissing: () => Effect.suspend(() => (++lookups === 1 ? Effect.succeed([]) : failWith(new Unavailable({ why: "refused" })))),
      reportsFailedLookup: true
    })
    yield* writer.write([device("a", 1)])
    const fiber = yield* Effect.forkChild(writer.write([device("b", 2)]))
    yield* TestClock.adjust("2 minutes")
    yield* Fiber.join(fiber)
    expect([stored.length, report.notSent, report.unknown, report.rejectedCount]).toEqual([1, 1, 0, 0])
    expect(lookups).toBeGreaterThan(3)
  })
)
