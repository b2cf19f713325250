/** Pages of values of any size: cut by bytes, and every point exactly once. */
import { describe, expect } from "bun:test"
import { Effect, Stream } from "effect"
import { History } from "../../../src/services/telemetry/History.ts"
import { type PageQuery, type TelemetryPage, TelemetryQuery } from "../../../src/services/telemetry/TelemetryQuery.ts"
import { live } from "../../support/effectTest.ts"
import { emulatedServices } from "../../support/emulatedServices.ts"

const t0 = 1_700_000_000_000
const MiB = 1024 * 1024

/** The same sizes every time: mostly small values, and a few of megabytes anywhere among them. */
const makeSizes = (count: number, seed: number, largest: number) => {
  let state = seed
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  return Array.from({ length: count }, () => (random() < 0.06 ? Math.floor(random() * largest) : Math.floor(random() * 2000)))
}

const valuesOf = (sizes: ReadonlyArray<number>) => sizes.map((size, i) => [t0 + i * 7, `v${i}:`.padEnd(size, 'é\\"')] as const)

const lengthOf = ({ json }: TelemetryPage) => json.reduce((sum, part) => sum + Buffer.byteLength(part as string), 0)
const parse = ({ json }: TelemetryPage) =>
  JSON.parse(json.map((part) => (typeof part === "string" ? part : Buffer.from(part).toString())).join("")) as Record<
    string,
    ReadonlyArray<{ readonly ts: number; readonly value: string }>
  >

const readAllPages = Effect.fnUntraced(function* (query: PageQuery) {
  const service = yield* TelemetryQuery
  const points: Record<string, Array<readonly [number, string]>> = {}
  const sizes: Array<number> = []
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const page: TelemetryPage = yield* service.page({ ...query, cursor })
    sizes.push(lengthOf(page))
    const found = parse(page)
    expect(page.pointCount).toBe(Object.values(found).flat().length)
    if (page.nextCursor !== undefined) expect(page.pointCount).toBeGreaterThan(0)
    for (const [key, series] of Object.entries(found)) (points[key] ??= []).push(...series.map(({ ts, value }) => [ts, value] as const))
    cursor = page.nextCursor
  }
  return { points, sizes }
})

describe("pages of a query", () => {
  for (const order of ["ASC", "DESC"] as const)
    live(
      `have every point of the store once, ${order}, whatever its size`,
      () =>
        Effect.gen(function* () {
          const { device, use } = yield* emulatedServices()
          const stored = { a: valuesOf(makeSizes(150, 1, 5 * MiB)), b: valuesOf(makeSizes(60, 2, 2 * MiB)), c: valuesOf([10]), d: [] }
          const id = device("Meter", stored)
          const query = { deviceId: id, keys: ["a", "b", "c", "d"], start: t0, end: t0 + 10_000, limit: 40, order } as const
          const { points, sizes } = yield* use(readAllPages(query))
          for (const [key, values] of Object.entries(stored)) {
            const expected = order === "ASC" ? values : values.toReversed()
            // Compared in parts: a difference of megabytes would take minutes to print.
            expect([key, points[key]!.map(([ts]) => ts)]).toEqual([key, expected.map(([ts]) => ts)])
            expect(points[key]!.every(([, value], i) => value === expected[i]![1])).toBe(true)
          }
          expect(sizes.length).toBeGreaterThan(3)
          expect(Math.max(...sizes)).toBeLessThan(17 * MiB)
        }),
      120_000
    )

  live(
    "have one point, if a single one is larger than a page",
    () =>
      Effect.gen(function* () {
        const { device, use } = yield* emulatedServices()
        const id = device("Meter", { a: valuesOf([18 * MiB, 5, 18 * MiB]), b: valuesOf([18 * MiB]) })
        const { points } = yield* use(readAllPages({ deviceId: id, keys: ["a", "b"], start: t0, end: t0 + 100, limit: 10, order: "ASC" }))
        expect([points["a"]!.map(([, { length }]) => length), points["b"]!.map(([, { length }]) => length)]).toEqual([
          [18 * MiB, 5, 18 * MiB],
          [18 * MiB]
        ])
      }),
    120_000
  )
})

live(
  "an export has every point of the store once, and reads no page of more than a few megabytes",
  () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      // Hundreds of small values lead to large pages, in which the large values then are.
      const sizes = [...makeSizes(600, 3, 0), ...makeSizes(200, 4, 3 * MiB), 6 * MiB, 6 * MiB, ...makeSizes(300, 5, 100)]
      const stored = { a: valuesOf(sizes), b: valuesOf(makeSizes(20, 6, MiB)) }
      const id = device("Meter", stored)
      const pages = use(
        Effect.flatMap(History, (history) => history.pages({ deviceId: id, keys: ["a", "b"], range: { start: t0, end: t0 + 100_000 } }))
      )
      const bytes: Array<number> = []
      const found: Record<string, Array<readonly [number, string]>> = { a: [], b: [] }
      yield* Stream.runForEach(yield* pages, (page) =>
        Effect.sync(() => {
          bytes.push(page.bytes.length)
          for (const { from, key, to } of page.series)
            for (let row = from; row < to; row++) found[key]!.push([page.ts[row]!, JSON.parse(page.token(row)) as string])
        })
      )
      for (const [key, values] of Object.entries(stored)) {
        expect([key, found[key]!.map(([ts]) => ts)]).toEqual([key, values.map(([ts]) => ts)])
        expect(found[key]!.every(([, value], i) => value === values[i]![1])).toBe(true)
      }
      // Quotes and backslashes take two bytes, é two, so a value takes up to twice its length.
      expect(Math.max(...bytes)).toBeLessThan(13 * MiB)
    }),
  120_000
)
