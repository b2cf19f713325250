import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { never, runAtOnce } from "../../../src/domain/Steps.ts"
import { HistoryPage, scan, scanPrefix, ScanError } from "../../../src/thingsboard/responses/HistoryPage.ts"
import { whitespace, hardTokens, joinTokens, text, value } from "../../support/jsonTokens.ts"

const utf8 = new TextEncoder()
const read = (json: string) => scan(utf8.encode(json))
const found = (page: HistoryPage) =>
  page.series.map(
    ({ from, key, to }) => [key, Array.from({ length: to - from }, (_, k) => [page.ts[from + k]!, page.token(from + k)] as const)] as const
  )

interface Point {
  readonly ts: number
  readonly value: string
  readonly compact: boolean
  readonly valueFirst: boolean
  readonly space: string
  readonly extra: string | null
}

const point: fc.Arbitrary<Point> = fc.record({
  ts: fc.oneof(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), fc.integer()),
  value,
  compact: fc.boolean(),
  valueFirst: fc.boolean(),
  space: whitespace,
  extra: fc.option(value, { freq: 9 })
})

const spelt = ({ compact, extra, space, ts, value, valueFirst }: Point) => {
  if (compact) return `{"ts":${ts},"value":${value}}`
  const members = [`"ts"${space}:${space}${ts}`, `"v\\u0061lue":${space}${value}`, ...(extra === null ? [] : [`"x":${extra}`])]
  return `{${space}${joinTokens(",", valueFirst ? members.toReversed() : members, space)}${space}}`
}

const page = fc
  .tuple(
    fc.uniqueArray(fc.tuple(text, fc.array(point, { maxLength: 6 })), {
      maxLength: 4,
      selector: ([key]): unknown => JSON.parse(key)
    }),
    whitespace
  )
  .map(([series, space]) => ({
    series,
    json: `${space}{${space}${joinTokens(
      ",",
      series.map(([key, points]) => `${key}${space}:${space}[${space}${joinTokens(",", points.map(spelt), space)}${space}]`),
      space
    )}${space}}${space}`
  }))

const runs = { numRuns: 2000, interruptAfterTimeLimit: 10_000 }

describe("a page of history", () => {
  test("returns every value as the token that was sent", () => {
    fc.assert(
      fc.property(page, ({ json, series }) => {
        expect(found(read(json))).toEqual(
          series.map(([key, points]) => [JSON.parse(key), points.map(({ ts, value }) => [ts, value] as const)])
        )
      }),
      runs
    )
  })

  test("that is damaged is rejected, or read as JSON.parse reads it", () => {
    const patch = fc.constantFrom("", "0", '"', "\\", "}", "]", ",", " ", "-", "e", ".", "{", "\u0001", "x")
    fc.assert(
      fc.property(page, fc.nat(), patch, fc.boolean(), ({ json }, at, put, replace) => {
        const characters = Array.from(json)
        characters.splice(at % (characters.length + 1), replace || put === "" ? 1 : 0, put)
        const damaged = characters.join("")
        let readPage: HistoryPage
        try {
          readPage = read(damaged)
        } catch (error) {
          expect(error).toBeInstanceOf(ScanError)
          return
        }
        const reference = new Map(Object.entries(JSON.parse(damaged) as Record<string, ReadonlyArray<{ ts: number; value: unknown }>>))
        // A key that occurs twice becomes two series here; JSON.parse keeps the last one.
        const last = new Map(found(readPage))
        expect([...last.keys()].sort()).toEqual([...reference.keys()].sort())
        for (const [key, points] of last) {
          expect(points.map(([ts, token]): unknown => ({ ts, value: JSON.parse(token) }))).toEqual(
            reference.get(key)!.map(({ ts, value }) => ({ ts, value }))
          )
        }
      }),
      runs
    )
  })

  test("keeps values that JSON.parse would change", () => {
    const points = hardTokens.map((token, i) => `{"ts":${1_700_000_000_000 + i},"value":${token}}`)
    expect(found(read(`{"k":[${points.join(",")}]}`))).toEqual([
      ["k", hardTokens.map((token, i) => [1_700_000_000_000 + i, token] as const)]
    ])
  })

  test("may contain no key, or a key without points", () => {
    expect(found(read("{}"))).toEqual([])
    expect(found(read('{"k":[]}'))).toEqual([["k", []]])
  })

  test("contains nothing of the previous page in the same columns", () => {
    const columns = scan(utf8.encode('{"a":[{"ts":1,"value":1},{"ts":2,"value":2}]}'))
    expect(found(scan(utf8.encode('{"b":[{"ts":3,"value":"x"}]}'), columns))).toEqual([["b", [[3, '"x"']]]])
  })

  test.each([
    ["", "an empty answer"],
    ["[]", "an array"],
    ['{"k":[{"ts":1,"value":1}]', "a cut page"],
    ['{"k":[{"ts":1,"value":1}]}x', "something behind the page"],
    ['{"k":[{"ts":1}]}', "a point without value"],
    ['{"k":[{"value":1}]}', "a point without time"],
    ['{"k":[{"ts":1.5,"value":1}]}', "a time with a fraction"],
    ['{"k":[{"ts":"1","value":1}]}', "a time as text"],
    ['{"k":[{"ts":9007199254740993,"value":1}]}', "a time beyond 2^53"],
    ['{"k":[{"ts":01,"value":1}]}', "a time with a leading zero"],
    ['{"k":[{"ts":1,"value":01}]}', "a number with a leading zero"],
    ['{"k":[{"ts":1,"value":NaN}]}', "NaN"],
    ['{"k":[{"ts":1,"value":{"a":tru}}]}', "a broken nested value"],
    ['{"k":[{"ts":1,"value":1},]}', "a comma too many"]
  ])("%p is refused: %s", (json) => {
    expect(() => read(json)).toThrow(ScanError)
  })

  test("with a timestamp that is invalid UTF-8 is rejected like any other", () => {
    const bytes = utf8.encode('{"k":[{"ts":"?","value":1}]}')
    bytes[bytes.indexOf(63)] = 0xff
    expect(() => scan(bytes)).toThrow(ScanError)
  })
})

const compactPage = (points: ReadonlyArray<Point>) => Buffer.from(`{"k":[${points.map(spelt).join(",")}]}`)
const validPoint = point.map((one): Point => Object.assign(one, { ts: Math.abs(one.ts) }))

describe("the beginning of a page", () => {
  test("has all points that arrived completely, wherever it was cut", () => {
    fc.assert(
      fc.property(fc.array(validPoint, { maxLength: 8 }), (points) => {
        const bytes = compactPage(points)
        const ends = points.map((_, i) => compactPage(points.slice(0, i + 1)).length - 2)
        for (let cut = 0; cut <= bytes.length; cut++) {
          const page = new HistoryPage()
          const isComplete = runAtOnce(scanPrefix(bytes.subarray(0, cut), page, never))
          expect(isComplete).toBe(cut === bytes.length)
          const arrived = points.slice(0, ends.filter((end) => end <= cut).length)
          expect(page.series.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => page.token(from + i)))).toEqual(
            arrived.map((one) => one.value)
          )
          expect([...page.ts.subarray(0, page.count)]).toEqual(arrived.map(({ ts }) => ts))
        }
      }),
      { numRuns: 200, interruptAfterTimeLimit: 10_000 }
    )
  })

  test("of a large JSON value is checked like a complete one", () => {
    const large = (end: string) => `{"k":[{"ts":1,"value":[${"1,".repeat(100_000)}${end}]},{"ts":2,"value":3`
    const page = new HistoryPage()
    expect(runAtOnce(scanPrefix(Buffer.from(large("1")), page, never))).toBe(false)
    expect(page.count).toBe(1)
    expect(() => runAtOnce(scanPrefix(Buffer.from(large("oops")), page, never))).toThrow(ScanError)
  })
})

test("points are rendered as they were sent, however they were written", () => {
  fc.assert(
    fc.property(fc.array(validPoint, { maxLength: 12 }), fc.nat(12), (points, count) => {
      const page = scan(compactPage(points))
      const shown = Math.min(count, points.length)
      expect(Buffer.from(runAtOnce(page.render(0, shown, never))).toString()).toBe(
        points
          .slice(0, shown)
          .map(({ ts, value }) => `{"ts":${ts},"value":${value}}`)
          .join(",")
      )
    }),
    { numRuns: 1000, interruptAfterTimeLimit: 10_000 }
  )
})
