/** The scanners compared with JSON.parse: they pass on the bytes that were there, and reject anything damaged. */
import { describe, expect, test } from "bun:test"
import { Effect, Result } from "effect"
import * as fc from "fast-check"
import { scanAttributes } from "../../../src/thingsboard/responses/AttributesScanner.ts"
import { scanLatest } from "../../../src/thingsboard/responses/LatestScanner.ts"
import { scanEntity } from "../../../src/thingsboard/responses/ObjectScanner.ts"
import { withoutFields } from "../../../src/thingsboard/responses/withoutFields.ts"
import { scanPage } from "../../../src/thingsboard/responses/PageScanner.ts"
import type { ThingsBoardError } from "../../../src/thingsboard/errors/ThingsBoardError.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (found: Uint8Array | undefined) => (found === undefined ? undefined : new TextDecoder().decode(found))
const outcome = <A>(scan: Effect.Effect<A, ThingsBoardError>) => Effect.runSync(Effect.result(scan))
const read = <A>(scan: Effect.Effect<A, ThingsBoardError>) => Effect.runSync(scan)
const isRefused = <A>(scan: Effect.Effect<A, ThingsBoardError>) => {
  const result = outcome(scan)
  return Result.isFailure(result) && result.failure.reason._tag === "InvalidResponse"
}

/** The same JSON with other white space and, if requested, with its fields in another order. */
const spaced = (value: unknown) => ` ${JSON.stringify(value, null, 2)}\r\n`

const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
/** Tokens that JSON.parse would change. */
const exact = fc.constantFrom(
  "9007199254740993",
  "-9223372036854775808",
  "1.10",
  "1e3",
  "0.1000000000000000055",
  '"\\u00e9\\/"',
  '"]}"',
  '"\\\\\\""',
  "true"
)
const key = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).map((s) => s.toWellFormed())
const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))

describe("a page", () => {
  const arbitrary = fc.record({ data: fc.array(object), totalPages: fc.nat(), totalElements: fc.nat(), hasNext: fc.boolean() })

  test("is split into the bytes of its items and its numbers, however it is written", () => {
    fc.assert(
      fc.property(arbitrary, fc.boolean(), fc.boolean(), (page, reversed, loose) => {
        const members = reversed ? Object.fromEntries(Object.entries(page).reverse()) : page
        const found = read(scanPage(bytes(loose ? spaced(members) : JSON.stringify(members))))
        expect(JSON.parse(text(found.items)!)).toEqual(JSON.parse(JSON.stringify(page.data)))
        expect({ ...found, items: 0 }).toEqual({
          items: 0,
          totalPages: page.totalPages,
          totalElements: page.totalElements,
          hasNext: page.hasNext
        })
        if (!loose) expect(text(found.items)).toBe(JSON.stringify(page.data))
      })
    )
  })

  test("keeps numbers that JSON.parse would change", () => {
    const items = '[{"additionalInfo":{"big":12345678901234567890,"exact":1.10}}]'
    expect(text(read(scanPage(bytes(`{"data":${items},"totalPages":1,"totalElements":1,"hasNext":false}`))).items)).toBe(items)
    expect(text(read(scanPage(bytes(`{"hasNext":false, "data":${items},"totalPages":1,"totalElements":1}`))).items)).toBe(items)
  })

  test("inside a page is not mistaken for it", () => {
    const inner = '{"data":[{"a":[1]}],"totalPages":7,"totalElements":7,"hasNext":true}'
    const outer = `{"data":[{"additionalInfo":${inner}}],"totalPages":1,"totalElements":1,"hasNext":false}`
    expect(read(scanPage(bytes(outer)))).toMatchObject({ totalPages: 1, hasNext: false })
    const last = `{"totalPages":1,"totalElements":1,"hasNext":false,"data":[{"additionalInfo":${inner}}]}`
    expect(text(read(scanPage(bytes(last))).items)).toBe(`[{"additionalInfo":${inner}}]`)
  })

  test("that is truncated anywhere is rejected", () => {
    fc.assert(
      fc.property(arbitrary, fc.double({ min: 0, max: 0.999999, noNaN: true }), (page, where) => {
        const whole = bytes(JSON.stringify(page))
        expect(isRefused(scanPage(whole.subarray(0, Math.floor(whole.length * where))))).toBe(true)
      })
    )
  })

  test.each([
    "",
    "null",
    "[]",
    "{}",
    "<html></html>",
    '{"data":[],"totalPages":01,"totalElements":0,"hasNext":false}',
    '{"data":[],"totalPages":-1.5,"totalElements":0,"hasNext":false}',
    '{"data":[],"totalPages":,"totalElements":0,"hasNext":false}',
    '{"data":[],"totalPages":0,"totalElements":0,"hasNext":maybe}',
    '{"data":[],"totalPages":0,"totalElements":0,"hasNext":false}}',
    '{"data":[{],"totalPages":0,"totalElements":0,"hasNext":false}',
    '{"data":[}],"totalPages":0,"totalElements":0,"hasNext":false}',
    '{"data":{},"totalPages":0,"totalElements":0,"hasNext":false}',
    '{"data":"]","totalPages":0,"totalElements":0,"hasNext":false'
  ])("%s is refused", (damaged) => {
    expect(isRefused(scanPage(bytes(damaged)))).toBe(true)
  })
})

describe("latest values", () => {
  const points = fc.uniqueArray(
    fc.tuple(
      key,
      fc.integer(),
      fc.oneof(
        exact,
        fc.jsonValue().map((value) => JSON.stringify(value))
      )
    ),
    { selector: ([name]) => name }
  )

  test("arrive token for token, without keys that have no value", () => {
    fc.assert(
      fc.property(points, fc.boolean(), (all, loose) => {
        const gap = loose ? "\n " : ""
        const members = all.map(
          ([name, ts, value]) => `${JSON.stringify(name)}${gap}:${gap}[{"ts":${gap}${ts},${gap}"value":${value}${gap}}]`
        )
        const found = read(scanLatest(bytes(`{${gap}${members.join(`${gap},`)}}${gap}`)))
        const expected = all
          .filter(([, , value]) => value !== "null")
          .map(([name, ts, value]) => [name, `{"ts":${ts},"value":${value}}`] as const)
        expect([...found].map(([name, point]) => [name, text(point)] as const)).toEqual(expected)
      })
    )
  })

  test("are found whatever the order of fields, and whatever other fields there are", () => {
    const found = read(
      scanLatest(bytes('{"a":[{"value":1.10,"x":{},"ts":5}],"b":[],"c":[{"ts":1,"value":null}],"__proto__":[{"ts":1,"value":2}]}'))
    )
    expect([...found].map(([name, point]) => [name, text(point)])).toEqual([
      ["a", '{"ts":5,"value":1.10}'],
      ["__proto__", '{"ts":1,"value":2}']
    ])
  })

  test("may be text that starts like null", () => {
    expect(text(read(scanLatest(bytes('{"a":[{"ts":1,"value":"null"}]}'))).get("a"))).toBe('{"ts":1,"value":"null"}')
  })

  test("that are truncated or of another form are rejected", () => {
    fc.assert(
      fc.property(points, fc.double({ min: 0, max: 0.999999, noNaN: true }), (all, where) => {
        const whole = bytes(`{${all.map(([name, ts, value]) => `${JSON.stringify(name)}:[{"ts":${ts},"value":${value}}]`).join()}}`)
        expect(isRefused(scanLatest(whole.subarray(0, Math.floor(whole.length * where))))).toBe(true)
      })
    )
    for (const wrong of [
      "[]",
      "null",
      "<html>",
      '{"a":1}',
      '{"a":[{"ts":1}]}',
      '{"a":[{"ts":"1","value":1}]}',
      '{"a":[{"ts":1.5,"value":1}]}',
      '{"a":[{"ts":1,"value":tru}]}',
      '{"a":[{"ts":1,"value":1}]} x',
      '{"a":[{"ts":1,"value":1}],}'
    ]) {
      expect(isRefused(scanLatest(bytes(wrong)))).toBe(true)
    }
  })
})

describe("an entity", () => {
  test("is passed on unchanged if it is complete, and rejected otherwise", () => {
    const id = "784f394c-42b6-435a-983c-b7beff2784f9"
    const device = `{"name":"Hall", "id":{"entityType":"DEVICE","id":"${id}"}, "additionalInfo":{"big":12345678901234567890}}`
    const scan = scanEntity(id.toUpperCase())
    expect(text(read(scan(bytes(device))))).toBe(device)
    const error = '{"error":"jdbc:postgresql://db:5432 cannot be reached"}'
    for (const wrong of [
      "",
      "[]",
      "null",
      '"text"',
      "<html>",
      "{}",
      error,
      device.slice(0, -1),
      `${device}}`,
      device.replace("784", "785")
    ])
      expect([wrong, isRefused(scan(bytes(wrong)))]).toEqual([wrong, true])
  })
})

describe("attributes", () => {
  test("arrive token for token", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            key,
            fc.nat(),
            fc.oneof(
              exact,
              number.map(String),
              fc.jsonValue().map((value) => JSON.stringify(value))
            )
          )
        ),
        (all) => {
          const answer = `[${all.map(([name, at, value]) => `{"lastUpdateTs":${at},"key":${JSON.stringify(name)},"value":${value}}`).join()}]`
          expect(
            read(scanAttributes(bytes(answer))).map(({ key: name, lastUpdateTs, value }) => [name, lastUpdateTs, text(value)] as const)
          ).toEqual(all)
          expect(isRefused(scanAttributes(bytes(answer.slice(0, -1))))).toBe(true)
        }
      )
    )
  })

  test.each([
    "{}",
    "[1]",
    '[{"key":"a","value":1}]',
    '[{"lastUpdateTs":"1","key":"a","value":1}]',
    '[{"lastUpdateTs":1,"key":1,"value":1}]',
    "[]]",
    ""
  ])("%s is refused", (wrong) => {
    expect(isRefused(scanAttributes(bytes(wrong)))).toBe(true)
  })
})

describe("a list without some fields", () => {
  const names = new Set(["secret", "title"])
  const field = fc.oneof(fc.constantFrom("secret", "title", "id", "name"), key)
  const entity = fc.dictionary(field, fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant({ secret: 1 })))
  const isKept = (name: string) => !names.has(name)

  test("has all other fields, unchanged, in any order and with any white space", () => {
    fc.assert(
      fc.property(fc.array(entity, { maxLength: 5 }), fc.boolean(), (list, isSpaced) => {
        const written = isSpaced ? spaced(list) : JSON.stringify(list)
        const expected = list.map((one) => Object.fromEntries(Object.entries(one).filter(([name]) => isKept(name))))
        const found = text(read(withoutFields(bytes(written), names)))!
        expect(JSON.parse(found)).toEqual(JSON.parse(JSON.stringify(expected)))
        if (!isSpaced) expect(found).toBe(JSON.stringify(expected))
      })
    )
  })

  test("finds names written with escape sequences, and keeps every digit and nested fields", () => {
    const written = '[{"\\u0073ecret":1,"n":9007199254740993,"deep":{"secret":1.10}},{"a":1,"title":[],"secret":{}},{"secret":0}]'
    expect(text(read(withoutFields(bytes(written), names)))).toBe('[{"n":9007199254740993,"deep":{"secret":1.10}},{"a":1},{}]')
  })

  test("is rejected if it is cut off anywhere, or is no list of objects", () => {
    const written = '[{"secret":1,"a":"b"},{"title":2}]'
    for (let end = 0; end < written.length; end++) expect(isRefused(withoutFields(bytes(written.slice(0, end)), names))).toBe(true)
    for (const other of ["{}", "[1]", '[{"a":1}]x', "[{}{}]"]) expect(isRefused(withoutFields(bytes(other), names))).toBe(true)
  })
})
