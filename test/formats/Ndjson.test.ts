import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { ndjson } from "../../src/formats/Ndjson.ts"
import { value } from "../support/jsonTokens.ts"
import { makePage, renderFile } from "../support/historyPages.ts"

const onOneLine = (token: string) => (/^[{[]/.test(token) ? token.replaceAll(/[\r\n]/g, " ") : token)

test("has one line per row with every token unchanged", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 30 }), (tokens) => {
      const file = renderFile(ndjson(), { page: makePage({ "k,1": tokens }) })
      expect(file).toBe(tokens.map((token, ts) => `{"ts":${ts},"key":"k,1","value":${onOneLine(token)}}\n`).join(""))
    }),
    { numRuns: 1000, interruptAfterTimeLimit: 10_000 }
  )
})

test("writes a nested value of several lines on one line", () => {
  expect(renderFile(ndjson(), { page: makePage({ k: ['{\n "a": 1.10,\r\n "b": "x\\ny"\n}'] }) })).toBe(
    '{"ts":0,"key":"k","value":{  "a": 1.10,   "b": "x\\ny" }}\n'
  )
})

test("names the device of each row in files of several devices", () => {
  expect(renderFile(ndjson(), { page: makePage({ t: ["1"] }), device: { id: "id-1", name: 'Roof "north"' } })).toBe(
    '{"device_id":"id-1","device_name":"Roof \\"north\\"","ts":0,"key":"t","value":1}\n'
  )
})

test("is empty without rows", () => {
  expect(renderFile(ndjson())).toBe("")
})
