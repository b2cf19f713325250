import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { Effect, Exit, Stream } from "effect"
import { parquet } from "../../src/formats/Parquet.ts"
import { hardTokens, value } from "../support/jsonTokens.ts"
import { collectBytes, readParquet, type Table } from "../support/fileReaders.ts"
import { makeEndlessPages, makePages, waitUntilStable } from "../support/historyPages.ts"

const nothing = { value_double: null, value_long: null, value_bool: null, value_text: null }
const values = ({ rows }: Table) => rows.map(({ ts: _ts, key: _key, ...columns }) => columns)

test("each value is in the column of its type, null in none", async () => {
  const pages = makePages({ tokens: { a: ["21.5", "7", "true", '"text"', "null"], b: ['{"x": 1.10}', '""'] }, firstTs: 1_700_000_000_000 })
  const table = await readParquet(await collectBytes(parquet(pages)))
  expect(table.schema).toEqual({
    ts: "timestamp[ms, tz=UTC] not null",
    key: "string not null",
    value_double: "double",
    value_long: "int64",
    value_bool: "bool",
    value_text: "string"
  })
  expect(table.rows).toEqual([
    { ts: 1_700_000_000_000, key: "a", ...nothing, value_double: 21.5 },
    { ts: 1_700_000_000_001, key: "a", ...nothing, value_long: "7" },
    { ts: 1_700_000_000_002, key: "a", ...nothing, value_bool: true },
    { ts: 1_700_000_000_003, key: "a", ...nothing, value_text: "text" },
    { ts: 1_700_000_000_004, key: "a", ...nothing },
    { ts: 1_700_000_000_000, key: "b", ...nothing, value_text: '{"x": 1.10}' },
    { ts: 1_700_000_000_001, key: "b", ...nothing, value_text: "" }
  ])
})

/** The expected columns for a token; undefined for numbers, which several columns may represent. */
const expectedColumns = (token: string) => {
  if (token.startsWith('"')) return { ...nothing, value_text: (JSON.parse(token) as string).toWellFormed() }
  if (/^[{[]/.test(token)) return { ...nothing, value_text: token }
  if (token === "null") return nothing
  if (token === "true" || token === "false") return { ...nothing, value_bool: token === "true" }
  return undefined
}

const isExact = (token: string, columns: Table["rows"][number]) => {
  const expected = expectedColumns(token)
  if (expected !== undefined) return Bun.deepEquals(columns, expected)
  if (columns["value_long"] !== null) return Bun.deepEquals(columns, { ...nothing, value_long: token.replace(/^-0$/, "0") })
  if (columns["value_text"] !== null) return Bun.deepEquals(columns, { ...nothing, value_text: token })
  return Bun.deepEquals(columns, { ...nothing, value_double: Number(token) })
}

test("difficult values are exact: 64-bit integers as integers, numbers that no number column can hold as text", async () => {
  const numbers = [
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.2345678912345679E8",
    "1e999",
    "0.12345678901234567890"
  ]
  const found = values(await readParquet(await collectBytes(parquet(makePages({ tokens: { k: numbers } })))))
  expect(found).toEqual([
    { ...nothing, value_long: "9223372036854775807" },
    { ...nothing, value_long: "-9223372036854775808" },
    { ...nothing, value_text: "9223372036854775808" },
    { ...nothing, value_double: 123456789.12345679 },
    { ...nothing, value_text: "1e999" },
    { ...nothing, value_text: "0.12345678901234567890" }
  ])
  const hard = values(await readParquet(await collectBytes(parquet(makePages({ tokens: { k: hardTokens } })))))
  expect(hardTokens.filter((token, i) => !isExact(token, hard[i]!))).toEqual([])
})

test("a reader finds all values exactly, for random values", async () => {
  const tokens = fc.sample(value, { numRuns: 1500, seed: 20240229 })
  const found = values(await readParquet(await collectBytes(parquet(makePages({ tokens: { k: tokens } })))))
  expect(found.length).toBe(tokens.length)
  expect(tokens.flatMap((token, i) => (isExact(token, found[i]!) ? [] : [[token, found[i]]]))).toEqual([])
})

test("many small pages become few row groups, and a large page becomes several", async () => {
  const small = Array.from({ length: 30 }, (_, i) => ({ tokens: { k: Array.from({ length: 100 }, () => String(i)) }, firstTs: i * 100 }))
  expect((await readParquet(await collectBytes(parquet(makePages(...small))))).rowGroups).toEqual([2000, 1000])
  const large = { tokens: { k: Array.from({ length: 25_000 }, (_, i) => String(i)) } }
  const table = await readParquet(await collectBytes(parquet(makePages(large))))
  expect(table.rowGroups.reduce((a, b) => a + b)).toBe(25_000)
  expect(table.rowGroups.length).toBeGreaterThan(1)
  expect(table.rows.map(({ value_long }) => value_long)).toEqual(large.tokens.k)
  expect(table.rows.map(({ ts }) => ts)).toEqual(large.tokens.k.map(Number))
})

test("names the device of each row in files of several devices", async () => {
  const pages = makePages(
    { tokens: { t: ["1"] }, device: { id: "id-1", name: "Roof" } },
    { tokens: { t: ["2"] }, device: { id: "id-2", name: "Cellar" } }
  )
  const table = await readParquet(await collectBytes(parquet(pages, { devices: true })))
  expect(table.rows).toEqual([
    { device_id: "id-1", device_name: "Roof", ts: 0, key: "t", ...nothing, value_long: "1" },
    { device_id: "id-2", device_name: "Cellar", ts: 0, key: "t", ...nothing, value_long: "2" }
  ])
})

test("a file without rows has the columns", async () => {
  const table = await readParquet(await collectBytes(parquet(Stream.empty)))
  expect(Object.keys(table.schema)).toEqual(["ts", "key", "value_double", "value_long", "value_bool", "value_text"])
  expect(table.rows).toEqual([])
})

test("a failing page fails the file", async () => {
  const pages = makePages({ tokens: { k: ["1"] } }).pipe(Stream.concat(Stream.fail("upstream is gone")))
  expect(await Effect.runPromiseExit(Stream.runDrain(parquet(pages)))).toEqual(Exit.fail("upstream is gone"))
})

test("a reader that stops closes the upstream, and one that waits applies backpressure", async () => {
  const { pages, seen } = makeEndlessPages()
  const reader = Stream.toReadableStream(parquet(pages)).getReader()
  await reader.read()
  const pulled = await waitUntilStable(() => seen.pages)
  expect(pulled).toBeLessThan(40)
  await reader.cancel()
  expect(seen).toEqual({ pages: pulled, closed: true })
})
