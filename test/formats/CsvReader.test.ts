import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { CsvReader, type CsvRecord } from "../../src/formats/CsvReader.ts"
import { cpuMillisOf } from "../support/cpuTime.ts"

/** Feeds the text in chunks of `size` characters. */
const read = (text: string, size = text.length + 1, maxCharacters?: number): ReadonlyArray<CsvRecord> => {
  const reader = new CsvReader(maxCharacters)
  const records: Array<CsvRecord> = []
  for (let i = 0; i < text.length; i += size) records.push(...reader.feed(text.slice(i, i + size)))
  return [...records, ...reader.end()]
}

const cellsOf = (records: ReadonlyArray<CsvRecord>) => records.map(({ cells }) => cells)

const cell = fc.record({
  text: fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", "\r", " ", "1", ";") }),
  wantsQuotes: fc.boolean()
})

test("reads records written by RFC 4180, whatever the chunk size", () => {
  const record = fc.array(cell, { minLength: 2, maxLength: 4 })
  const lineEnd = fc.constantFrom("\n", "\r\n", "\r")
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), lineEnd, fc.integer({ min: 1, max: 20 }), fc.boolean(), (rows, end, size, closed) => {
      const header = "a,b"
      const written = rows.map((row) =>
        row.map(({ text, wantsQuotes }) => (wantsQuotes || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(",")
      )
      const records = read([header, ...written].join(end) + (closed ? end : ""), size).slice(1)
      expect(cellsOf(records)).toEqual(rows.map((row) => row.map(({ text }) => text)))
      expect(records.map(({ quoted }) => [...quoted])).toEqual(
        rows.map((row) => row.flatMap(({ text, wantsQuotes }, i) => (wantsQuotes || /[",\r\n]/.test(text) ? [i] : [])))
      )
      expect(records.every(({ syntaxError }) => syntaxError === undefined)).toBe(true)
    }),
    { numRuns: 2000 }
  )
})

test("counts lines across quoted newlines and empty lines", () => {
  const records = read('ts,v\n1,"a\r\nb"\n\n2,c\r\n3,"x\ny\nz"\n4,d')
  expect(records.map(({ line }) => line)).toEqual([1, 2, 5, 6, 9])
})

test("reports a malformed record and continues with the next line", () => {
  const records = read('ts,v\n1,5" pipe\n2,"x"y\n3,ok\n4,"open')
  expect(records.map(({ syntaxError, line }) => [line, syntaxError])).toEqual([
    [1, undefined],
    [2, "a quote inside an unquoted cell"],
    [3, "text after a closing quote"],
    [4, undefined],
    [5, "an unclosed quote"]
  ])
  expect(records[3]!.cells).toEqual(["3", "ok"])
})

test("limits the memory used for a quote that is never closed", () => {
  const records = read(`ts,v\n1,"${"x\n".repeat(1000)}`, 64, 500)
  expect(records.map(({ syntaxError, line }) => [line, syntaxError?.slice(0, 26)])).toEqual([
    [1, undefined],
    [2, "longer than 500 characters"]
  ])
})

test("accepts semicolons and tabs as delimiters if the header has them", () => {
  expect(cellsOf(read("ts;key;value\n1;a,b;2"))).toEqual([
    ["ts", "key", "value"],
    ["1", "a,b", "2"]
  ])
  expect(cellsOf(read("ts\ta\n1\t2"))).toEqual([
    ["ts", "a"],
    ["1", "2"]
  ])
})

test("reads a record that arrives in tiny chunks in linear time, quoted newlines included", async () => {
  for (const [start, chunk] of [
    ["1,a" + ',""'.repeat(150_000), ","],
    [`1,"${"x\n".repeat(200_000)}`, "\n"]
  ] as const) {
    const reader = new CsvReader(4 * 1024 * 1024)
    reader.feed("ts,v\n")
    reader.feed(start)
    const cpuMillis = await cpuMillisOf(() => {
      for (let i = 0; i < 20_000; i++) expect(reader.feed(chunk)).toEqual([])
    })
    expect(cpuMillis).toBeLessThan(2000)
    expect(reader.end().length).toBe(1)
  }
})
