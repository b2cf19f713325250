import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { InvalidInput } from "../../../src/domain/Errors.ts"
import { type TelemetryPage, type PageQuery, TelemetryQuery } from "../../../src/services/telemetry/TelemetryQuery.ts"
import { live } from "../../support/effectTest.ts"
import { emulatedServices } from "../../support/emulatedServices.ts"

const t0 = 1_700_000_000_000
const page = (query: PageQuery) => Effect.flatMap(TelemetryQuery, (service) => service.page(query))
const textOf = ({ json }: Pick<TelemetryPage, "json">) =>
  json.map((part) => (typeof part === "string" ? part : Buffer.from(part).toString())).join("")
const lengthOf = ({ json }: Pick<TelemetryPage, "json">) => json.reduce((sum, part) => sum + part.length, 0)
const pointsOf = (found: TelemetryPage) => JSON.parse(textOf(found)) as Record<string, ReadonlyArray<{ ts: number; value: unknown }>>

/** Reads all pages, and runs `between` after each. */
const readAllPages = Effect.fnUntraced(function* (query: PageQuery, between: Effect.Effect<void> = Effect.void) {
  const pages: Array<TelemetryPage> = []
  let cursor: string | undefined
  do {
    const found: TelemetryPage = yield* page({ ...query, cursor })
    pages.push(found)
    cursor = found.nextCursor
    yield* between
  } while (cursor !== undefined && pages.length < 100)
  return pages
})

const timesOf = (pages: ReadonlyArray<TelemetryPage>, key: string) => timesByKey(pages, [key])[key]!
/** Parses each page once: pages may have megabytes. */
const timesByKey = (pages: ReadonlyArray<TelemetryPage>, keys: ReadonlyArray<string>) => {
  const times = Object.fromEntries(keys.map((key): [string, Array<number>] => [key, []]))
  for (const one of pages) {
    const points = pointsOf(one)
    for (const key of keys) times[key]!.push(...points[key]!.map(({ ts }) => ts - t0))
  }
  return times
}
const rejectedFields = (query: PageQuery) =>
  Effect.map(Effect.flip(page(query)), (error) => (error instanceof InvalidInput ? error.errors.map(({ field }) => field) : error))
const ramp = (count: number, step = 1) => Array.from({ length: count }, (_, i) => [t0 + i * step, BigInt(i)] as const)

describe("pages of a query", () => {
  live("contain every point once, newest or oldest first, even while new points arrive", () =>
    Effect.gen(function* () {
      const { device, save, use } = yield* emulatedServices()
      const id = device("Meter", { a: ramp(250), b: ramp(30, 7) })
      const base = { deviceId: id, keys: ["b", "a"], start: t0, end: t0 + 1000, limit: 60 }
      let nextTs = 250
      const more = Effect.sync(() => save(id, "a", [[t0 + nextTs++, 0n]]))
      const descending = yield* use(readAllPages({ ...base, order: "DESC" }, more))
      expect(timesOf(descending, "a")).toEqual(Array.from({ length: 250 }, (_, i) => 249 - i))
      expect(timesOf(descending, "b")).toEqual(Array.from({ length: 30 }, (_, i) => (29 - i) * 7))
      expect(descending.map(({ pointCount }) => pointCount)).toEqual([90, 60, 60, 60, 10])
      expect(Object.keys(pointsOf(descending[0]!))).toEqual(["b", "a"])
      const ascending = yield* use(readAllPages({ ...base, order: "ASC" }))
      expect(timesOf(ascending, "a")).toEqual(Array.from({ length: nextTs }, (_, i) => i))
    })
  )

  live("are limited: in points by rejecting the request, in bytes by leaving keys to the next page", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const keys = Array.from({ length: 24 }, (_, i) => `k${i}`)
      const large = "x".repeat(1024 * 1024)
      const id = device("Meter", Object.fromEntries(keys.map((key) => [key, [[t0, large] as const, [t0 + 1, large] as const]])))
      const base = { deviceId: id, keys, start: t0, end: t0 + 10 }
      expect(yield* use(rejectedFields({ ...base, limit: 4201, order: "ASC" }))).toEqual(["limit"])
      for (const order of ["ASC", "DESC"] as const) {
        const pages = yield* use(readAllPages({ ...base, limit: 2, order }))
        expect(pages.length).toBeGreaterThan(2)
        for (const found of pages) expect(lengthOf(found)).toBeLessThan(40 * 1024 * 1024)
        for (const [key, times] of Object.entries(timesByKey(pages, keys))) expect([key, times.toSorted()]).toEqual([key, [0, 1]])
      }
    })
  )

  live("take one call each for all keys, and one for the list of keys", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const keys = Array.from({ length: 300 }, (_, i) => `k${i}`)
      const id = device("Meter", Object.fromEntries(keys.map((key) => [key, ramp(100, 60)])))
      for (const order of ["ASC", "DESC"] as const) {
        const [before, otherBefore] = [calls.history.length, calls.other]
        const pages = yield* use(readAllPages({ deviceId: id, keys: [...keys, "nope"], start: t0, end: t0 + 10_000, limit: 25, order }))
        const times = Array.from({ length: 100 }, (_, i) => 60 * (order === "ASC" ? i : 99 - i))
        expect(timesByKey(pages, keys)).toEqual(Object.fromEntries(keys.map((key) => [key, times])))
        for (const { keysFound, keysMissing } of pages) expect([keysFound.length, keysMissing]).toEqual([300, ["nope"]])
        expect([pages.length, calls.history.length - before]).toEqual([4, 4])
        expect(calls.other - otherBefore).toBeLessThanOrEqual(1 + pages.length) // its keys, and for each page the device: CACHE_TTL is 0 here
      }
    })
  )

  live("stay few calls for keys whose points differ in time and number", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      // Every 10 ms, every 20 ms, and every 1,000 ms, each key a little later than the one before.
      const steps = Array.from({ length: 90 }, (_, i) => [10, 20, 1000][i % 3]!)
      const points = steps.map((step, i) =>
        Array.from({ length: Math.floor(4000 / step) }, (_, n) => [t0 + n * step + (i % 7), BigInt(n)] as const)
      )
      const id = device("Meter", Object.fromEntries(points.map((series, i) => [`k${i}`, series])))
      const keys = points.map((_, i) => `k${i}`)
      for (const order of ["ASC", "DESC"] as const) {
        const before = calls.history.length
        const pages = yield* use(readAllPages({ deviceId: id, keys, start: t0, end: t0 + 10_000, limit: 40, order }))
        for (const [i, series] of points.entries()) {
          const times = series.map(([ts]) => ts - t0)
          expect([i, timesOf(pages, `k${i}`)]).toEqual([i, order === "ASC" ? times : times.toReversed()])
        }
        expect(pages.length).toBeLessThanOrEqual(12)
        expect(calls.history.length - before).toBeLessThanOrEqual(2 * pages.length)
      }
    })
  )

  live("end with a page that is exactly full when no point follows", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const id = device("Meter", { a: ramp(60) })
      expect(
        (yield* use(page({ deviceId: id, keys: ["a"], start: t0, end: t0 + 100, limit: 60, order: "ASC" }))).nextCursor
      ).toBeUndefined()
    })
  )

  live("keep every digit of a value", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const id = device("Meter", {
        a: [
          [t0, 9_223_372_036_854_775_807n],
          [t0 + 1, 1e10],
          [t0 + 2, "007"]
        ]
      })
      const found = yield* use(page({ deviceId: id, keys: ["a"], start: t0, end: t0 + 9, limit: 10, order: "ASC" }))
      expect(textOf(found)).toBe(
        `{"a":[{"ts":${t0},"value":9223372036854775807},{"ts":${t0 + 1},"value":1.0E10},{"ts":${t0 + 2},"value":"007"}]}`
      )
    })
  )

  live("list keys that the device does not have, and never request them from ThingsBoard", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const id = device("Meter", { a: ramp(2) })
      const found = yield* use(page({ deviceId: id, keys: ["nope", "a"], start: t0, end: t0 + 9, limit: 10, order: "ASC" }))
      expect([found.keysFound, found.keysMissing, Object.keys(pointsOf(found))]).toEqual([["a"], ["nope"], ["nope", "a"]])
      expect(calls.history.flatMap(({ keys }) => keys)).toEqual(["a"])
    })
  )

  live("of aggregates have whole buckets only", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const start = 1_699_999_200_000
      const id = device("Meter", { a: Array.from({ length: 100 }, (_, i) => [start + i * 30_000, 1n] as const) })
      for (const order of ["ASC", "DESC"] as const) {
        const base = { deviceId: id, keys: ["a"], start, end: start + 3_000_000, limit: 7, order, interval: "1m", agg: "COUNT" } as const
        const pages = yield* use(readAllPages(base))
        const points = pages.flatMap((one) => pointsOf(one)["a"]!)
        expect(points.map(({ value }) => value)).toEqual(Array.from({ length: 50 }, () => 2))
        const times = points.map(({ ts }) => (ts - start) / 60_000)
        expect(order === "ASC" ? times : times.toReversed()).toEqual(Array.from({ length: 50 }, (_, i) => i))
      }
    })
  )

  live("of calendar buckets over the largest possible range end with the last point", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const id = device("Meter", { a: ramp(10) })
      for (const order of ["ASC", "DESC"] as const) {
        const base = {
          deviceId: id,
          keys: ["a"],
          start: 0,
          end: 8_640_000_000_000_000,
          limit: 5,
          order,
          interval: "1d",
          agg: "SUM"
        } as const
        const found = yield* use(page({ ...base, timezone: "Pacific/Kiritimati" }))
        expect([textOf(found), found.nextCursor]).toEqual([`{"a":[{"ts":${Date.parse("2023-11-14T10:00Z")},"value":45}]}`, undefined])
      }
      expect(calls.history.length).toBeLessThan(12)
    })
  )

  live("default to the last 24 hours, and keep that range on all pages", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const now = Date.now()
      const id = device("Meter", {
        a: [
          [now - 90_000_000, 0n],
          [now - 2000, 1n],
          [now - 1000, 2n]
        ]
      })
      const pages = yield* use(readAllPages({ deviceId: id, keys: ["a"], limit: 1, order: "DESC" }))
      expect(pages.flatMap((one) => pointsOf(one)["a"]!.map(({ value }) => value))).toEqual([2, 1])
      expect(new Set(pages.map(({ range }) => range.end)).size).toBe(1)
      expect(pages[0]!.range.end - pages[0]!.range.start).toBe(86_400_000)
    })
  )
})

describe("invalid queries", () => {
  live("with an empty range or an invalid interval are rejected", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const base = { deviceId: device("Meter", { a: ramp(3) }), keys: ["a"], limit: 1, order: "ASC" } as const
      expect(yield* use(rejectedFields({ ...base, start: 5, end: 5 }))).toEqual(["end_ts"])
      expect(yield* use(rejectedFields({ ...base, start: 5, end: 6, agg: "MAX" }))).toEqual(["interval"])
    })
  )

  live("with a cursor that was changed or belongs to another query are rejected", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const base = { deviceId: device("Meter", { a: ramp(9) }), keys: ["a"], start: t0, end: t0 + 9, limit: 2, order: "ASC" } as const
      const other = device("Other", { a: ramp(9) })
      const { nextCursor: cursor } = yield* use(page(base))
      if (cursor === undefined) throw new Error("no next page")
      const changed = Buffer.from(
        Buffer.from(cursor, "base64url")
          .toString()
          .replace(/\d\]\]$/, "7]]")
      ).toString("base64url")
      expect(changed).not.toBe(cursor)
      const wrong: ReadonlyArray<PageQuery> = [
        { ...base, cursor: changed },
        { ...base, cursor: "" },
        { ...base, cursor: `${cursor}A` },
        { ...base, cursor: "../etc" },
        { ...base, cursor, order: "DESC" },
        { ...base, cursor, limit: 3 },
        { ...base, cursor, keys: ["a", "b"] },
        { ...base, cursor, start: t0 + 1 },
        { ...base, cursor, interval: "1h" },
        { ...base, cursor, deviceId: other }
      ]
      for (const query of wrong) expect(yield* use(rejectedFields(query))).toEqual(["cursor"])
    })
  )

  live("for a device that is not visible fail before its history is read", () =>
    Effect.gen(function* () {
      const { calls, use } = yield* emulatedServices()
      const deviceId = "784f394c-42b6-435a-983c-b7beff2784f9" as PageQuery["deviceId"]
      expect(yield* use(rejectedFields({ deviceId, keys: ["a"], limit: 1, order: "ASC" }))).toMatchObject({ _tag: "EntityNotFound" })
      expect(calls.history).toEqual([])
    })
  )
})
