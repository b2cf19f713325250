/** How rows of imports are read, and that exports read back as the same values. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { isNumericText } from "../../../src/thingsboard/StoredNumber.ts"
import { csv } from "../../../src/formats/Csv.ts"
import { CsvReader } from "../../../src/formats/CsvReader.ts"
import { ndjson } from "../../../src/formats/Ndjson.ts"
import { LineReader } from "../../../src/formats/LineReader.ts"
import { type Columns, parseHeader } from "../../../src/services/ingest/csvHeader.ts"
import { parseRecord } from "../../../src/services/ingest/csvRows.ts"
import { RowRejected, type ImportRow } from "../../../src/services/ingest/ImportRow.ts"
import { parseLine } from "../../../src/services/ingest/ndjsonRows.ts"
import { parseTimestamp } from "../../../src/services/ingest/timestamps.ts"
import type { ValueRules } from "../../../src/services/validation/values.ts"
import { text } from "../../support/jsonTokens.ts"
import { makePage, renderFile } from "../../support/historyPages.ts"
import { cpuMillisOf } from "../../support/cpuTime.ts"

const strict: ValueRules = { convertNumericText: false }
const t0 = 1_700_000_000_000

const rowOrReason = (read: () => ImportRow) => {
  try {
    return read()
  } catch (error) {
    if (error instanceof RowRejected) return error.message
    throw error
  }
}

const readCsv = (file: string, rules = strict, hasDevice = false) => {
  const reader = new CsvReader()
  const [header, ...records] = [...reader.feed(file), ...reader.end()]
  const columns = parseHeader(header!.cells, hasDevice)
  expect(columns).toBeObject()
  return records.map((record) => rowOrReason(() => parseRecord(record, columns as Columns, hasDevice, rules)))
}

/** The token of each row's only value, or the reason why the row was rejected. */
const tokensOf = (rows: ReadonlyArray<ImportRow | string>) => rows.map((row) => (typeof row === "string" ? row : row.points[0]?.token))

const readCells = (...cells: ReadonlyArray<string>) => tokensOf(readCsv(["ts,v", ...cells.map((cell) => `${t0},${cell}`)].join("\n")))

const readLine = (json: string, rules = strict, hasDevice = false) => rowOrReason(() => parseLine(json, hasDevice, rules))

test("a cell without quotes has the type that it looks like, and keeps every digit", () => {
  expect(readCells("21.50", "9223372036854775807", "1e3", " 7 ", "-0.0", "true", "FALSE", "auto", "'=1+1", "''=1", "'quoted'", "")).toEqual(
    ["21.50", "9223372036854775807", "1e3", "7", "-0.0", "true", "false", '"auto"', '"=1+1"', `"'=1"`, `"'quoted'"`, undefined]
  )
})

test("many blanks in a cell do not make it slow", async () => {
  const cpuMillis = await cpuMillisOf(() =>
    expect(readCells(` x${" ".repeat(200_000)}x`, ` 7${" \t".repeat(100_000)}`).map((token) => token?.length)).toEqual([200_005, 1])
  )
  expect(cpuMillis).toBeLessThan(2000)
})

test("a text that is not closed does not make NaN slow", async () => {
  const rules = { ...strict, nanIsGap: true }
  const cpuMillis = await cpuMillisOf(() => {
    expect(readLine(`{"ts":${t0},"a":NaN,"b":"${'\\"'.repeat(100_000)}`, rules)).toBe("expected a JSON object")
    expect(readLine(`{"ts":${t0},"a":NaN,"b":"${'\\"'.repeat(4)}NaN"}`, rules)).toMatchObject({ points: [{ key: "b" }] })
  })
  expect(cpuMillis).toBeLessThan(2000)
})

test("a row has at most as many cells or fields as a spreadsheet has columns", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`)
  const csvOf = (count: number) =>
    `ts,${names(count).join(",")}\n${t0}${",1".repeat(count)}\n${t0}${",1".repeat(20_000)}\n${t0}${",2".repeat(count)}`
  expect(readCsv(csvOf(16_383)).map((row) => (typeof row === "string" ? row : row.points.length))).toEqual([
    16_383,
    "invalid CSV: more than 16384 cells",
    16_383
  ])
  expect(new CsvReader().feed(`${names(16_385).join(",")}\n`)[0]!.syntaxError).toBe("more than 16384 cells")
  const json = (count: number) =>
    `{"ts":${t0},${names(count)
      .map((name) => `"${name}":1`)
      .join(",")}}`
  expect(readLine(json(16_383))).toMatchObject({ ts: t0 })
  expect(readLine(json(16_384))).toBe("expected at most 16384 fields")
})

test("a long object or array in a cell or a field is checked like a short one", () => {
  const fields = Array.from({ length: 5000 }, (_, i) => `"f${i}":${i}.10`).join(",")
  const quote = (json: string) => `"${json.replaceAll('"', '""')}"`
  const values = [`{${fields}}`, `{${fields},"f7":1}`, `{${fields}}x`, `{${fields},}`, `[{${fields}},{${fields}}] `]
  const [whole, duplicate, ...broken] = readCells(...values.map(quote))
  expect([whole, duplicate]).toEqual([values[0], "v: expected each field only once"])
  // Anything else in quotes is text, as for short cells.
  expect(broken).toEqual([JSON.stringify(values[2]), JSON.stringify(values[3]), values[4]!.trim()])
  const rows = values.map((value) => readLine(`{"ts":${t0},"key":"v","value":${value}}`))
  expect(tokensOf(rows.slice(0, 1))).toEqual([values[0]])
  expect(rows.slice(1, 4)).toEqual(["v: expected each field only once", "expected a JSON object", "expected a JSON object"])
})

test("a cell in quotes is text, or JSON in braces or brackets", () => {
  expect(readCells('"true"', '"1e3"', '""', '"{""a"": [1.10]}"', '"[not json"', '"NaN"', '"1,5"')).toEqual([
    '"true"',
    '"1e3"',
    '""',
    '{"a": [1.10]}',
    '"[not json"',
    '"NaN"',
    '"1,5"'
  ])
})

test("quotes have no meaning in a file that quotes everything", () => {
  expect(tokensOf(readCsv(`"ts","key","value"\n"${t0}","a","21.5"\n"${t0}","a","true"\n"${t0}","a",""`))).toEqual([
    "21.5",
    "true",
    undefined
  ])
})

test("values that ThingsBoard would change, and words for a missing value, are rejected with a reason", () => {
  const reasons = readCells("007", '"21.5"', "9223372036854775808", "NaN", "null", "-Infinity", "a\uFFFDb", '"{""a"":1,""a"":2}"')
  expect(reasons.map((reason) => reason?.slice(0, 40))).toEqual([
    "v: expected a number without leading zer",
    "v: expected text that ThingsBoard does n",
    "v: expected an integer of at most 64 bit",
    "v: expected a value, not NaN; leave the ",
    "v: expected a value, not null; leave the",
    "v: expected a value, not -Infinity; leav",
    "expected UTF-8, without the replacement ",
    "v: expected each field only once"
  ])
  expect(tokensOf(readCsv("ts;v\n1700000000000;21,5"))[0]).toStartWith("v: expected a decimal point")
  expect(tokensOf(readCsv(`ts,v\n${t0},007`, { convertNumericText: true }))).toEqual(['"007"'])
})

test("everything that CSV and JSON Lines export reads back as the same value", () => {
  // Only values that ThingsBoard can have: it turns numeric text into numbers. JSON in text is excluded, because only JSON Lines keeps it apart from JSON.
  const kept = text.filter((token) => {
    const inside = JSON.parse(token) as string
    return !isNumericText(inside) && !/^[[{]/.test(inside) && !/[\0\uFFFD]/.test(inside) && inside.isWellFormed()
  })
  const token = fc.oneof(
    kept,
    fc.constantFrom(
      '"NA"',
      '"#N/A"',
      '"<NA>"',
      '"---"',
      '"+21.5"',
      '"5."',
      '"1.234,56"',
      '"   "',
      '"\u2013"',
      '"n/a"',
      '"#DIV/0!"',
      '"1\u00a0234,5"',
      '"NaT"'
    ),
    fc.constantFrom('"true"', '"Null"', '"1e3"', '""', '"1,5"', `"'=x"`, `"''+1"`, '" 5"', '"5 "', '"nan"', '"\\u00a07"', '"+5"'),
    fc.constantFrom("true", "false", "21.50", "-1", "9223372036854775807", "1.0E10", '{"a":[1.10,"x"]}', "[]")
  )
  fc.assert(
    fc.property(fc.array(token, { minLength: 1, maxLength: 8 }), (tokens) => {
      const normalize = (one: string | undefined) => (one?.startsWith('"') ? JSON.stringify(JSON.parse(one)) : one)
      const page = makePage({ "a,=b": tokens })
      const rows = readCsv(renderFile(csv(), { page }))
      expect(tokensOf(rows).map(normalize)).toEqual(tokens.map(normalize))
      expect(rows.map((row) => typeof row === "object" && [row.ts, row.points[0]?.key])).toEqual(tokens.map((_, ts) => [ts, "a,=b"]))
      const lines = new LineReader().feed(renderFile(ndjson(), { page }))
      expect(tokensOf(lines.map(({ text: one }) => readLine(one!))).map(normalize)).toEqual(tokens.map(normalize))
    }),
    { numRuns: 3000 }
  )
})

test("the header decides which form the rows have", () => {
  expect(parseHeader(["ts", "key", "value"], false)).toMatchObject({ form: { key: 1, value: 2 } })
  expect(parseHeader(["temperature", "ts", "value"], false)).toMatchObject({
    form: [
      [0, "temperature"],
      [2, "value"]
    ]
  })
  expect(parseHeader(["device_id", "device_name", "ts", "key", "value"], true)).toMatchObject({ deviceId: 0, deviceName: 1, time: [2] })
  expect(parseHeader(["TS", "Key", " Value "], false)).toMatchObject({ time: [0], form: { key: 1, value: 2 } })
  expect(parseHeader(["ts", "Value"], false)).toMatchObject({ form: [[1, "Value"]] })
  expect(parseHeader(["time", "a"], false)).toBe("Expected a column ts; found time, a. Name the column with the time with time_column=")
  expect(parseHeader([String(t0), "21.5"], false)).toStartWith(`Expected a header, but the first line is data: ${t0}, 21.5.`)
  expect(parseHeader(["ts", "a", "b", "a"], false)).toBe("Expected each column only once: columns 2 and 4 are both called a")
  expect(parseHeader(["ts", "Temp\uFFFDratur"], false)).toStartWith("Column 2: Expected UTF-8. Name another encoding in the Content-Type")
  // Only `columns` ignores columns with this name: in a file it is a name like any other.
  expect(parseHeader(["ts", "a", "-"], false)).toMatchObject({
    form: [
      [1, "a"],
      [2, "-"]
    ]
  })
  expect(parseHeader(["ts", "a", "b"], false, { columns: ["ts", "a"] })).toBe(
    "Expected as many columns as columns= names, 2; found 3: ts, a, b"
  )
  expect(parseHeader(["ts", "a", "-", "-"], false, { columns: ["x", "a", "-", "-"], timeColumns: ["x"] })).toMatchObject({
    form: [[1, "a"]]
  })
  expect(parseHeader(["ts", "<b>x"], false)).toStartWith("Column 2: Expected a key without markup")
  expect(parseHeader(["ts", "device_id", "a"], false)).toBe("Expected no device column: the path already names the device")
  expect(parseHeader(["ts", "a"], true)).toBe("Expected a column device_id or device_name; found ts, a")
  expect(parseHeader(["ts", "key", "value", "unit"], false)).toBe(
    "Expected no other columns besides key and value; found ts, key, value, unit"
  )
})

test("a line is a point, ThingsBoard's own form, or has one field per key", () => {
  expect(readLine(`{"ts":${t0},"key":"a","value":9007199254740993}`)).toEqual({
    device: undefined,
    ts: t0,
    points: [{ key: "a", token: "9007199254740993", rounded: false }]
  })
  const two = [
    { key: "a", token: "1.10", rounded: false },
    { key: "__proto__", token: "true", rounded: false }
  ]
  expect(readLine(`{"ts":${t0},"values":{"a":1.10,"__proto__":true,"b":null}}`)).toMatchObject({ points: two })
  expect(readLine(`{"a":1.10,"ts":"2023-11-14T22:13:20Z","__proto__":true,"b":null}`)).toMatchObject({ ts: t0, points: two })
  expect(readLine(`{"ts":${t0},"value":5}`)).toMatchObject({ points: [{ key: "value", token: "5" }] })
})

test("an invalid line, or one with a duplicate field, is rejected", () => {
  const reasons = {
    "{broken": "expected a JSON object",
    "[1]": "expected one JSON object per line, not an array",
    [`{"ts":${t0},"a":NaN}`]: "expected JSON, which has no NaN: leave the field out, or send nan=gap",
    [`{"ts":${t0},"a":True}`]: "expected JSON, which has no True",
    [`{'ts':${t0}}`]: "expected JSON, with double quotes",
    [`{"ts":${t0},"values":{"a":1},"quality":"good"}`]:
      "quality: expected no fields besides ts and values; put it into values, or remove values",
    '{"a":1}': "ts: expected the timestamp of the row",
    [`{"ts":${t0}}`]: "expected key and value, values, or one field per key",
    [`{"ts":${t0},"a":1,"a":2}`]: "a: expected only once",
    [`{"ts":${t0},"key":"a","value":null}`]: "a: expected a value, not null",
    [`{"ts":${t0},"key":7,"value":1}`]: "key: expected text",
    [`{"ts":${t0},"key":"a","value":1,"unit":"C"}`]: "expected no other fields besides key and value",
    [`{"ts":${t0},"device_id":"x","a":1}`]: "expected no device: the path already names it",
    [`{"ts":${t0},"a":"12"}`]: "a: expected text that ThingsBoard does not turn into a number; send a number, or numeric_text=convert",
    [`{"ts":${t0},"a":"x\\u0000"}`]: "a: expected text without NUL characters or lone surrogates"
  }
  expect(Object.keys(reasons).map((json) => readLine(json))).toEqual(Object.values(reasons))
})

test("rows of many devices name their device", () => {
  const id = "784F394C-42b6-435a-983c-b7beff2784f9"
  expect(readLine(`{"device_id":"${id}","device_name":"x","ts":${t0},"a":1}`, strict, true)).toMatchObject({
    device: { id: id.toLowerCase() }
  })
  expect(readLine(`{"device_name":"Pump","ts":${t0},"a":1}`, strict, true)).toMatchObject({ device: { name: "Pump" } })
  expect(readLine(`{"ts":${t0},"a":1}`, strict, true)).toBe("expected device_id or device_name")
  expect(readLine(`{"device_id":"../../auth/login","ts":${t0},"a":1}`, strict, true)).toBe("device_id: expected a device id (UUID)")
})

test("timestamps are milliseconds, or ISO 8601 with an offset; seconds only with ts_unit=s", () => {
  for (const time of ["1700000000000", "2023-11-14T22:13:20Z", "2023-11-14 23:13:20.000+01:00", "2023-11-14T17:13:20.000999-0500"])
    expect(parseTimestamp(time)).toBe(t0)
  expect(parseTimestamp("2024-02-29T00:00Z")).toBe(Date.UTC(2024, 1, 29))
  expect(parseTimestamp("1700000000.25", "s")).toBe(t0 + 250)
  const issues = {
    "1700000000": "Looks like seconds",
    "1700000000000.5": "Expected milliseconds",
    "-5": "Expected a number, or ISO 8601",
    "2023-11-14T22:13:20": "Expected an offset",
    "2023-11-14": "Expected an offset",
    "2023-02-29T00:00:00Z": "Expected a date and time that exist",
    "2023-01-01T24:00:00Z": "Expected a date and time that exist",
    "1969-01-01T00:00:00Z": "Expected a date and time that exist",
    yesterday: "Expected a number, or ISO 8601"
  }
  for (const [time, issue] of Object.entries(issues)) expect(parseTimestamp(time)).toStartWith(issue)
  expect(parseTimestamp("1700000000000", "s")).toStartWith("Looks like milliseconds")
})
