import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { CsvReader, type CsvRecord } from "../../src/formats/CsvReader.ts"

/** Fed in pieces of the given size. */
const read = (text: string, size = text.length + 1, most?: number): ReadonlyArray<CsvRecord> => {
  const reader = new CsvReader(most)
  const records: Array<CsvRecord> = []
  for (let i = 0; i < text.length; i += size) records.push(...reader.feed(text.slice(i, i + size)))
  return [...records, ...reader.end()]
}

const cellsOf = (records: ReadonlyArray<CsvRecord>) => records.map(({ cells }) => cells)

const cell = fc.record({
  text: fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", "\r", " ", "1", ";") }),
  wantsQuotes: fc.boolean()
})

test("what was written by RFC 4180 is read, in whatever pieces it comes", () => {
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
      expect(records.every(({ broken }) => broken === undefined)).toBe(true)
    }),
    { numRuns: 2000 }
  )
})

test("lines are counted through quoted line ends and empty lines", () => {
  const records = read('ts,v\n1,"a\r\nb"\n\n2,c\r\n3,"x\ny\nz"\n4,d')
  expect(records.map(({ line }) => line)).toEqual([1, 2, 5, 6, 9])
})

test("a broken record is told, and the next line is read on", () => {
  const records = read('ts,v\n1,5" pipe\n2,"x"y\n3,ok\n4,"open')
  expect(records.map(({ broken, line }) => [line, broken])).toEqual([
    [1, undefined],
    [2, "a quote in a cell that does not begin with one"],
    [3, "text behind a closing quote"],
    [4, undefined],
    [5, "a quote that is not closed"]
  ])
  expect(records[3]!.cells).toEqual(["3", "ok"])
})

test("a quote that is never closed does not fill the memory", () => {
  const records = read(`ts,v\n1,"${"x\n".repeat(1000)}`, 64, 500)
  expect(records.map(({ broken, line }) => [line, broken?.slice(0, 26)])).toEqual([
    [1, undefined],
    [2, "longer than 500 characters"]
  ])
})

test("semicolons and tabs are taken when the header has them", () => {
  expect(cellsOf(read("ts;key;value\n1;a,b;2"))).toEqual([
    ["ts", "key", "value"],
    ["1", "a,b", "2"]
  ])
  expect(cellsOf(read("ts\ta\n1\t2"))).toEqual([
    ["ts", "a"],
    ["1", "2"]
  ])
})

test("a record that drips in takes no more time than its length, quoted line ends and all", () => {
  for (const [begun, drop] of [
    ["1,a" + ',""'.repeat(150_000), ","],
    [`1,"${"x\n".repeat(200_000)}`, "\n"]
  ] as const) {
    const reader = new CsvReader(4 * 1024 * 1024)
    reader.feed("ts,v\n")
    reader.feed(begun)
    const began = performance.now()
    for (let i = 0; i < 20_000; i++) expect(reader.feed(drop)).toEqual([])
    expect(performance.now() - began).toBeLessThan(1000)
    expect(reader.end().length).toBe(1)
  }
})
