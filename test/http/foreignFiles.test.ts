/** Files as other programs write them: loggers, spreadsheets, scripts. What they mean is stored, or the reason is given. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"

const tb = "/api/v1/tb"

const site = Effect.gen(function* () {
  const it = yield* gateway()
  const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Logger", now: 1 })
  const path = `${tb}/devices/${device.id}/telemetry`
  const send = (
    query: Record<string, string> | ReadonlyArray<[string, string]>,
    body: string | Uint8Array<ArrayBuffer>,
    type = "text/csv"
  ) =>
    it.call(`${path}/import?${new URLSearchParams(Array.isArray(query) ? query : Object.entries(query)).toString()}`, {
      method: "POST",
      body,
      headers: { "content-type": type }
    })
  const stored = Effect.map(it.call(`${path}?start_ts=0&end_ts=253402300799999`), ({ text }) => text)
  return { ...it, device, send, stored }
})

const t = (iso: string) => Date.parse(iso)

describe("an import reads", () => {
  live("a German logger's file: preamble, Latin-1, semicolons, decimal commas, local times in two columns, its own missing marker", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const file = [
        "Gerätebericht 4711",
        "Standort;Köln",
        'Datum;Uhrzeit;"Außen, °C";Pumpe;Bemerkung',
        "31.01.2026;08:00;21,50;-999;läuft",
        "31.01.2026;08:15;-0,5;3;",
        "30.02.2026;08:00;1,0;1;",
        "29.03.2026;02:30;1,0;1;"
      ].join("\r\n")
      const query: ReadonlyArray<[string, string]> = [
        ["skip_lines", "2"],
        ["time_column", "Datum"],
        ["time_column", "Uhrzeit"],
        ["time_format", "dd.MM.yyyy HH:mm"],
        ["timezone", "Europe/Berlin"],
        ["decimal", "comma"],
        ["missing", "-999"]
      ]
      const { json, status } = yield* send(query, Buffer.from(file, "latin1"), "text/csv; charset=ISO-8859-1")
      expect([status, json.status, json.rows_taken]).toEqual([200, "partial", 2])
      expect(json.refused).toEqual([
        { line: 6, reason: "ts: expected a date and time that exist, from 1970 to 9999" },
        { line: 7, reason: "ts: expected a time that exists in Europe/Berlin: its clocks skip this one" }
      ])
      const [first, second] = [t("2026-01-31T07:00:00Z"), t("2026-01-31T07:15:00Z")]
      expect(JSON.parse(yield* stored)).toEqual({
        "Außen, °C": [
          { ts: first, value: 21.5 },
          { ts: second, value: -0.5 }
        ],
        Pumpe: [{ ts: second, value: 3 }],
        Bemerkung: [{ ts: first, value: "läuft" }]
      })
    })
  )

  live(
    "a German file whose marker has a decimal comma, whose time column has a comma in its name, and that spans a change of the clocks",
    () =>
      Effect.gen(function* () {
        const { send, stored } = yield* site
        const times = ["01:59", "02:00", "02:30", "02:00", "02:30", "03:00"]
        const rows = times.map((time, i) => `26.10.2025 ${time};${i},0;${i === 2 ? "-999,0" : 0}`)
        const file = ["Zeit, lokal;a, °C;b", ...rows].join("\r\n")
        const query = { time_column: "Zeit, lokal", time_format: "DD.MM.YYYY HH:mm", timezone: "Europe/Berlin", decimal: "comma" }
        const rejected = (yield* send({ ...query, missing: "-999,0", dry_run: "true" }, file)).json
        expect(rejected.refused.map(({ line }: { readonly line: number }) => line)).toEqual([3, 4, 5, 6])
        expect(rejected.refused[0].reason).toContain("show this one twice, so send an offset, or repeated_times=infer")
        const { json } = yield* send({ ...query, missing: "-999,0", repeated_times: "infer" }, file)
        expect([json.status, json.rows_taken]).toEqual(["success", 6])
        const instants = [
          "2025-10-25T23:59Z",
          "2025-10-26T00:00Z",
          "2025-10-26T00:30Z",
          "2025-10-26T01:00Z",
          "2025-10-26T01:30Z",
          "2025-10-26T02:00Z"
        ]
        expect(JSON.parse(yield* stored)).toEqual({
          "a, °C": instants.map((instant, i) => ({ ts: t(instant), value: i })),
          b: instants.flatMap((instant, i) => (i === 2 ? [] : [{ ts: t(instant), value: 0 }]))
        })
      })
  )

  live("an hourly log in local time, in all forms, of which a row in the repeated hour is rejected for its value", () =>
    Effect.gen(function* () {
      const instants = ["2025-10-25T23:00Z", "2025-10-26T00:00Z", "2025-10-26T01:00Z", "2025-10-26T02:00Z"].map(t)
      const times = ["01:00", "02:00", "02:00", "03:00"].map((time) => `2025-10-26 ${time}`)
      const query = { time_column: "time", timezone: "Europe/Berlin", repeated_times: "infer" }
      const line = (fields: Record<string, unknown>) => `${JSON.stringify(fields)}\n`
      const files: ReadonlyArray<readonly [type: string, file: string]> = [
        ["text/csv", `time,a,b\n${times.map((time, i) => `${time},${i === 1 ? "NA" : i},${i}\n`).join("")}`],
        ["text/csv", `time,key,value\n${times.map((time, i) => `${time},a,${i === 1 ? "NA" : i}\n${time},b,${i}\n`).join("")}`],
        ["application/x-ndjson", times.map((time, i) => line({ time, a: i === 1 ? "7" : i }) + line({ time, b: i })).join("")],
        ["application/x-ndjson", times.map((time, i) => line({ time, values: { a: i === 1 ? "7" : i, b: i } })).join("")]
      ]
      for (const [i, [type, file]] of files.entries()) {
        const { send, stored } = yield* site
        const { json } = yield* send(query, file, type)
        expect([i, json.rows_refused, json.refused[0].reason.slice(0, 11)]).toEqual([i, 1, "a: expected"])
        const { a, b } = JSON.parse(yield* stored)
        expect(a).toEqual([0, 2, 3].map((value) => ({ ts: instants[value], value })))
        const all = [0, 1, 2, 3].filter((value) => value !== 1 || i === 1 || i === 2)
        expect(b).toEqual(all.map((value) => ({ ts: instants[value], value })))
      }
    })
  )

  live("a resumed import, whose first rows in the repeated hour do not tell which time they are", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const file = ["time,a", "2025-10-26 02:55,1", "2025-10-26 02:05,2", "2025-10-26 03:00,3"].join("\n")
      const query = { time_column: "time", timezone: "Europe/Berlin", repeated_times: "infer", from_line: "3" }
      const { json } = yield* send(query, file)
      expect(json.refused).toEqual([
        {
          line: 3,
          reason: "ts: expected a row before this one that tells which time it is, since the clocks of Europe/Berlin show it twice"
        }
      ])
      expect(JSON.parse(yield* stored)).toEqual({ a: [{ ts: t("2025-10-26T02:00Z"), value: 3 }] })
    })
  )

  live("what Python writes for NaN into NDJSON, as a gap in a row but not inside a value", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const lines = [
        '{"ts":1700000000000,"a":NaN,"b":"NaN","c":1}',
        '{"ts":1700000001000,"values":{"a": NaN,"c":2}}',
        '{"ts":1700000002000,"key":"a","value":NaN}',
        '{"ts":1700000003000,"a":[1,NaN]}',
        '{"ts":1700000004000,"a":{"x":NaN}}',
        '{"ts":NaN,"a":1}',
        '{"ts":1700000005000,"key":"a","value":null}'
      ]
      const { json } = yield* send({ nan: "gap" }, lines.join("\n"), "application/x-ndjson")
      expect([json.rows_taken, json.refused.map(({ line }: { readonly line: number }) => line)]).toEqual([3, [4, 5, 6, 7]])
      expect(JSON.parse(yield* stored)).toEqual({
        b: [{ ts: 1_700_000_000_000, value: "NaN" }],
        c: [
          { ts: 1_700_000_000_000, value: 1 },
          { ts: 1_700_000_001_000, value: 2 }
        ]
      })
      const strict = yield* send({}, lines[0]!, "application/x-ndjson")
      expect(strict.json.refused[0].reason).toBe("expected JSON, which has no NaN: leave the field out, or send nan=gap")
    })
  )

  live("Excel's Unicode text (UTF-16 with tabs) and its line sep=;", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from("ts\tTemp, °C\r\n1700000000000\t21.5\r\n", "utf16le")])
      expect((yield* send({}, utf16)).json.rows_taken).toBe(1)
      expect((yield* send({}, "\uFEFFsep=;\r\nts;b,c\r\n1700000000000;7\r\n")).json.rows_taken).toBe(1)
      expect(yield* stored).toBe('{"Temp, °C":[{"ts":1700000000000,"value":21.5}],"b,c":[{"ts":1700000000000,"value":7}]}')
    })
  )

  live("a file without a header, nanoseconds, NaN as a gap, and only the rows from a line on", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const file = "1700000000000000001,1,x\n1700000001000000000,NaN,x\n1700000002000000000,3,x\n"
      const query = { header: "absent", columns: "ts,a,-", ts_unit: "ns", nan: "gap" }
      expect((yield* send({ ...query, from_line: "2" }, file)).json).toMatchObject({ status: "success", rows_taken: 2 })
      expect(yield* stored).toBe('{"a":[{"ts":1700000002000,"value":3}]}')
      expect((yield* send(query, file)).json.rows_taken).toBe(3)
      expect(JSON.parse(yield* stored).a).toHaveLength(2)
    })
  )

  live("NDJSON whose time has another name and no offset, with a warning for the future", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const file = '{"time":"2999-07-01 12:00:00","a":1,"b":"n/a"}\n{"time":"2025-07-01 12:00:00","a":2,"b":3}\n'
      const { json } = yield* send({ time_column: "time", timezone: "America/New_York", missing: "n/a" }, file, "application/x-ndjson")
      expect([json.status, json.warnings]).toEqual([
        "success",
        ["1 row has a time more than a day in the future, the first in line 1: check the unit, the time zone and the clock."]
      ])
      expect(JSON.parse(yield* stored)).toEqual({
        a: [
          { ts: t("2025-07-01T16:00:00Z"), value: 2 },
          { ts: t("2999-07-01T16:00:00Z"), value: 1 }
        ],
        b: [{ ts: t("2025-07-01T16:00:00Z"), value: 3 }]
      })
    })
  )
})

describe("an import rejects", () => {
  live("parameters that do not fit, all at once", () =>
    Effect.gen(function* () {
      const { send } = yield* site
      const fields = ({ json, status }: { readonly json: any; readonly status: number }) => [
        status,
        json.details.errors.map(({ field }: { readonly field: string }) => field)
      ]
      const wrong = { header: "absent", timezone: "Mars/Olympus", time_format: "EEE" }
      expect(fields(yield* send(wrong, "", "text/csv; charset=klingon"))).toEqual([
        400,
        ["header.content-type", "query.columns", "query.timezone"]
      ])
      const ndjson: ReadonlyArray<[string, string]> = [
        ["decimal", "comma"],
        ["skip_lines", "1"],
        ["time_column", "a"],
        ["time_column", "b"],
        ["repeated_times", "infer"],
        ["time_format", "yyyy-MM-dd"]
      ]
      expect(fields(yield* send(ndjson, "", "application/x-ndjson"))).toEqual([
        400,
        ["query.skip_lines", "query.decimal", "query.time_column", "query.repeated_times", "query.time_format"]
      ])
      const both = { time_format: "dd.MM.yyyy", timezone: "UTC", ts_unit: "s" }
      expect(fields(yield* send(both, ""))).toEqual([400, ["query.ts_unit"]])
    })
  )

  live("files that are no text, and headers that are none, with what was found", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const issue = (body: string | Uint8Array<ArrayBuffer>) =>
        Effect.map(send({}, body), ({ json, status }) => {
          expect(status).toBe(400)
          return json.details.errors[0].issue as string
        })
      expect(yield* issue(Buffer.from("504b0304", "hex"))).toContain("an Excel workbook")
      expect(yield* issue(Bun.gzipSync("ts,a\n1,2"))).toContain("compressed with gzip")
      expect(yield* issue(Buffer.from("ts,a\n", "utf16le"))).toContain("looks like UTF-16")
      expect(yield* issue(Buffer.from("ts;Außen\n1700000000000;5\n", "latin1"))).toContain("charset=windows-1252")
      expect(yield* issue("1700000000000,21.5\n")).toContain("the first line is data: 1700000000000, 21.5")
      expect(yield* issue("time,temp\n1700000000000,21.5\n")).toContain("Expected a column ts; found time, temp")
      expect(yield* issue("ts,a,b,a\n1700000000000,1,2,3\n")).toContain("columns 2 and 4 are both called a")
      expect(yield* stored).toBe("{}")
    })
  )

  live("rows of other forms, and stores none of their cells as text", () =>
    Effect.gen(function* () {
      const { send, stored } = yield* site
      const cells = [
        "+0,5",
        ",5",
        "1,5E-3",
        "1.234,56",
        "+21.5",
        "5.",
        ".5",
        "NA",
        "N/A",
        "#N/A",
        "#DIV/0!",
        "---",
        "NaT",
        "<NA>",
        "00123.9"
      ]
      const file = `ts;Key;Value\n${cells.map((cell, i) => `${1_700_000_000_000 + i};a;${cell}`).join("\n")}\n1700000000000;a;  \n`
      const { json } = yield* send({}, file)
      expect([json.status, json.rows_taken, json.rows_refused]).toEqual(["partial", 1, cells.length])
      for (const [i, { line, reason }] of json.refused.entries()) expect([line, reason.slice(0, 12)]).toEqual([i + 2, "a: expected "])
      expect(yield* stored).toBe("{}")
    })
  )
})
