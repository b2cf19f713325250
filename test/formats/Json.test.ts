import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { json, jsonOfDevices } from "../../src/formats/Json.ts"
import { hardTokens, value } from "../support/jsonTokens.ts"
import { makePage, renderFile } from "../support/historyPages.ts"

const points = (tokens: ReadonlyArray<string>) => `[${tokens.map((token, ts) => `{"ts":${ts},"value":${token}}`).join(",")}]`

describe("json", () => {
  test("contains every token unchanged", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 30 }), (tokens) => {
        expect(renderFile(json(["k,1"]), { page: makePage({ "k,1": tokens }) })).toBe(`{"k,1":${points(tokens)}}`)
      }),
      { numRuns: 1000, interruptAfterTimeLimit: 10_000 }
    )
  })

  test("has all requested keys in their order, keys without rows with an empty array", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 8 }), (filled) => {
        const keys = filled.map((_, i) => `key "${i}"`)
        const page = makePage(Object.fromEntries(keys.filter((_, i) => filled[i]).map((key) => [key, ["1", "2.0"]])))
        const fields = keys.map((key, i) => `${JSON.stringify(key)}:${filled[i] ? points(["1", "2.0"]) : "[]"}`)
        expect(renderFile(json(keys), { page })).toBe(`{${fields.join(",")}}`)
      })
    )
  })

  test("continues a key across pages", () => {
    const page = makePage({ a: hardTokens })
    expect(renderFile(json(["a", "b"]), { page }, { page })).toBe(
      `{"a":[${points(hardTokens).slice(1, -1)},${points(hardTokens).slice(1, -1)}],"b":[]}`
    )
  })

  test("is an empty object without keys", () => {
    expect(renderFile(json([]))).toBe("{}")
  })
})

describe("json of several devices", () => {
  const keysOf = () => ["a", "b"]
  const roof = { id: "id-1", name: 'Roof "north"' }
  const cellar = { id: "id-2", name: "Cellar" }

  test("nests the same structure under each device", () => {
    const file = renderFile(
      jsonOfDevices(keysOf),
      { page: makePage({ b: ["1.10"] }), device: roof },
      { page: makePage({ a: ["2", '"x"'] }), device: cellar },
      { page: makePage({ b: ["true"] }), device: cellar }
    )
    expect(file).toBe(
      '{"id-1":{"device_name":"Roof \\"north\\"","telemetry":{"a":[],"b":[{"ts":0,"value":1.10}]}},' +
        '"id-2":{"device_name":"Cellar","telemetry":{"a":[{"ts":0,"value":2},{"ts":1,"value":"x"}],"b":[{"ts":0,"value":true}]}}}'
    )
  })

  test("includes a device without rows", () => {
    expect(renderFile(jsonOfDevices(keysOf), { page: makePage({}), device: roof }, { page: makePage({ a: ["1"] }), device: cellar })).toBe(
      '{"id-1":{"device_name":"Roof \\"north\\"","telemetry":{"a":[],"b":[]}},' +
        '"id-2":{"device_name":"Cellar","telemetry":{"a":[{"ts":0,"value":1}],"b":[]}}}'
    )
  })

  test("is an empty object without devices", () => {
    expect(renderFile(jsonOfDevices(keysOf))).toBe("{}")
  })
})
