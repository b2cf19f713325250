import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { Effect, Exit, Stream } from "effect"
import { xlsx, xlsxOfDevices } from "../../src/formats/Xlsx.ts"
import { escapeXml, textCells } from "../../src/formats/XlsxRows.ts"
import { hardTokens, scalar } from "../support/jsonTokens.ts"
import { collectBytes, type Cell, readXlsx } from "../support/fileReaders.ts"
import { makeEndlessPages, makePages, waitUntilStable } from "../support/historyPages.ts"

const noon = Date.UTC(2024, 1, 29, 12)

/** Decodes the standard's `_xHHHH_` escapes as Excel does; openpyxl leaves them unchanged. */
const decodeEscapes = (text: string) =>
  text.replaceAll(/_x([0-9A-F]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
const texts = (cells: ReadonlyArray<Cell>) => cells.map(([, value]) => (typeof value === "string" ? decodeEscapes(value) : value))

test("has one sheet per key in the requested order, with the time as a date", async () => {
  const pages = makePages({ tokens: { temperature: ["21.5", "-3"], door: ["true", '"open"'] }, firstTs: noon })
  expect(await readXlsx(await collectBytes(xlsx(["temperature", "empty", "door"], pages)))).toEqual([
    {
      name: "temperature",
      rows: [
        [
          ["s", "time (UTC)"],
          ["s", "ts"],
          ["s", "value"]
        ],
        [
          ["d", "2024-02-29T12:00:00.000"],
          ["n", String(noon)],
          ["n", "21.5"]
        ],
        [
          ["d", "2024-02-29T12:00:00.001"],
          ["n", String(noon + 1)],
          ["n", "-3"]
        ]
      ]
    },
    {
      name: "empty",
      rows: [
        [
          ["s", "time (UTC)"],
          ["s", "ts"],
          ["s", "value"]
        ]
      ]
    },
    {
      name: "door",
      rows: [
        [
          ["s", "time (UTC)"],
          ["s", "ts"],
          ["s", "value"]
        ],
        [
          ["d", "2024-02-29T12:00:00.000"],
          ["n", String(noon)],
          ["b", true]
        ],
        [
          ["d", "2024-02-29T12:00:00.001"],
          ["n", String(noon + 1)],
          ["s", "open"]
        ]
      ]
    }
  ])
})

test("difficult values are exact: as a number if Excel can hold it, otherwise as text", async () => {
  const cells: ReadonlyArray<readonly [token: string, cell: Cell]> = [
    ["9223372036854775807", ["s", "9223372036854775807"]],
    ["9007199254740993", ["s", "9007199254740993"]],
    ["1.2345678912345679E8", ["s", "1.2345678912345679E8"]],
    ["123456789012345", ["n", "123456789012345"]],
    ["1.5E8", ["n", "150000000.0"]],
    ["-0.25", ["n", "-0.25"]],
    ["true", ["b", true]],
    ["null", ["n", null]],
    ['"007"', ["s", "007"]],
    ['"1e-300"', ["s", "1e-300"]],
    ['"\\uD83D\\uDCA1"', ["s", "💡"]],
    ['{"a": [1.10,\n 9007199254740993]}', ["s", '{"a": [1.10,\n 9007199254740993]}']]
  ]
  const [sheet] = await readXlsx(await collectBytes(xlsx(["k"], makePages({ tokens: { k: cells.map(([token]) => token) } }))))
  expect(sheet!.rows.slice(1).map((row) => row[2]!)).toEqual(cells.map(([, cell]) => cell))
})

test("a reader finds all values exactly, for random values", async () => {
  const tokens = [...hardTokens, ...fc.sample(fc.oneof(scalar, fc.json()), { numRuns: 1500, seed: 20240229 })]
  const [sheet] = await readXlsx(await collectBytes(xlsx(["k"], makePages({ tokens: { k: tokens } }))))
  const wrong = sheet!.rows.slice(1).flatMap(([, , cell], i) => {
    const token = tokens[i]!.trim()
    const found = texts([cell!])[0]!
    if (token.startsWith('"')) return (found ?? "") === (JSON.parse(token) as string).toWellFormed() ? [] : [[token, cell]]
    if (token === "null") return found === null ? [] : [[token, cell]]
    if (typeof found === "boolean") return String(found) === token ? [] : [[token, cell]]
    return found === token || (cell![0] === "n" && Number(found) === Number(token)) ? [] : [[token, cell]]
  })
  expect(wrong).toEqual([])
  expect(sheet!.rows.length).toBe(tokens.length + 1)
})

test("formula text stays text", async () => {
  const [sheet] = await readXlsx(
    await collectBytes(xlsx(["k"], makePages({ tokens: { k: ['"=1+1"', '"=HYPERLINK(\\"http://x\\")"', '"@x"'] } })))
  )
  expect(sheet!.rows.slice(1).map((row) => row[2]!)).toEqual([
    ["s", "=1+1"],
    ["s", '=HYPERLINK("http://x")'],
    ["s", "@x"]
  ])
})

test("escapes characters that XML cannot hold, and text that looks like such an escape", () => {
  expect(escapeXml("a\u0001\r\n<&>_x0041_ _x\uFFFF")).toBe("a_x0001__x000D_\n&lt;&amp;&gt;_x005F_x0041_ _x_xFFFF_")
})

test("text that is too long for a cell continues in the next one, without splitting a character", async () => {
  const long = `${"a".repeat(32_766)}💡${"b".repeat(40_000)}`
  const [sheet] = await readXlsx(await collectBytes(xlsx(["k"], makePages({ tokens: { k: [JSON.stringify(long)] } }))))
  const cells = sheet!.rows[1]!.slice(2).map(([, value]) => value)
  expect(cells.map((cell) => (cell as string).length)).toEqual([32_766, 32_767, 7235])
  expect(cells.join("")).toBe(long)
  expect(textCells("")).toBe('<c t="inlineStr"><is><t xml:space="preserve"></t></is></c>')
})

test("a key with more rows than fit on a sheet continues on another one, without losing rows", async () => {
  const values = Array.from({ length: 5000 }, (_, i) => String(i))
  const book = await readXlsx(
    await collectBytes(xlsx(["k", "other"], makePages({ tokens: { k: values, other: ["1"] } }), { rowsPerSheet: 2401 }))
  )
  expect(book.map(({ name, rows }) => [name, rows.length])).toEqual([
    ["k", 2401],
    ["k (2)", 2401],
    ["k (3)", 201],
    ["other", 2]
  ])
  expect(book.slice(0, 3).flatMap(({ rows }) => rows.slice(1).map((row) => row[2]![1]))).toEqual(values)
})

test("a sheet that is exactly full is not followed by an empty one", async () => {
  const book = await readXlsx(await collectBytes(xlsx(["k"], makePages({ tokens: { k: ["1", "2"] } }), { rowsPerSheet: 3 })))
  expect(book.map(({ name, rows }) => [name, rows.length])).toEqual([["k", 3]])
})

test("a key that cannot be the name of a sheet is the heading of its value column", async () => {
  const keys = ["a/b", "a?b", "History", 'x<"&>y']
  const book = await readXlsx(await collectBytes(xlsx(keys, makePages({ tokens: { "a/b": ["1"] } }))))
  expect(book.map(({ name, rows }) => [name, rows[0]![2]![1]])).toEqual([
    ["a_b", "a/b"],
    ["a_b (2)", "a?b"],
    ["History (2)", "History"],
    ['x<"&>y', "value"]
  ])
})

test("several devices share one table, with device and key in each row", async () => {
  const roof = { id: "id-1", name: "Roof <north>" }
  const cellar = { id: "id-2", name: "=Cellar" }
  const pages = makePages(
    { tokens: { t: ["1"], "x/y": ["true"] }, device: roof, firstTs: noon },
    { tokens: { t: ["2"] }, device: cellar, firstTs: noon }
  )
  const book = await readXlsx(await collectBytes(xlsxOfDevices(pages)))
  const time = "2024-02-29T12:00:00.000"
  expect(book.map(({ name, rows }) => ({ name, rows: rows.map((row) => row.map(([, value]) => value)) }))).toEqual([
    {
      name: "telemetry",
      rows: [
        ["device_id", "device_name", "key", "time (UTC)", "ts", "value"],
        ["id-1", "Roof <north>", "t", time, String(noon), "1"],
        ["id-1", "Roof <north>", "x/y", time, String(noon), true],
        ["id-2", "=Cellar", "t", time, String(noon), "2"]
      ]
    }
  ])
  expect(book[0]!.rows[3]![1]).toEqual(["s", "=Cellar"])
  expect((await readXlsx(await collectBytes(xlsxOfDevices(Stream.empty)))).map(({ rows }) => rows.length)).toEqual([1])
})

test("times without a date in Excel keep their ts", async () => {
  const times = [Date.UTC(1900, 1, 28), Date.UTC(1900, 2, 1), Date.UTC(9999, 11, 31, 23, 59, 59, 999), Date.UTC(10_000, 0, 1)]
  const pages = makePages(...times.map((firstTs) => ({ tokens: { k: ["1"] }, firstTs })))
  const [sheet] = await readXlsx(await collectBytes(xlsx(["k"], pages)))
  expect(sheet!.rows.slice(1).map((row) => [row[0]![1], row[1]![1]])).toEqual([
    [null, String(times[0])],
    ["1900-03-01T00:00:00.000", String(times[1])],
    ["9999-12-31T23:59:59.999", String(times[2])],
    [null, String(times[3])]
  ])
})

test("a workbook without keys can still be opened", async () => {
  expect((await readXlsx(await collectBytes(xlsx([], Stream.empty)))).map(({ name }) => name)).toEqual(["no data"])
})

test("a failing page fails the file", async () => {
  const pages = makePages({ tokens: { k: ["1"] } }).pipe(Stream.concat(Stream.fail("upstream is gone")))
  expect(await Effect.runPromiseExit(Stream.runDrain(xlsx(["k"], pages)))).toEqual(Exit.fail("upstream is gone"))
})

test("a reader that stops closes the upstream, and one that waits applies backpressure", async () => {
  const { pages, seen } = makeEndlessPages()
  const reader = Stream.toReadableStream(xlsx(["k"], pages)).getReader()
  await reader.read()
  const pulled = await waitUntilStable(() => seen.pages)
  expect(pulled).toBeLessThan(40)
  await reader.cancel()
  expect(seen).toEqual({ pages: pulled, closed: true })
})
