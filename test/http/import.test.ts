/** CSV and NDJSON bodies: accepted rows, rejected rows with their reasons, and the import of exports. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_000_000_000
const missing = "00000000-0000-4000-8000-000000000001"

const withDevices = Effect.gen(function* () {
  const it = yield* gateway()
  const { directory } = it.emulator.store
  const [one, two] = ["Boiler, 1", "Pump"].map((name) => directory.createDevice({ tenantId: it.tenant.tenantId, name, now: 1 }))
  const send = (path: string, type: string, body: string) =>
    it.call(`${tb}/${path}`, { method: "POST", body, headers: { "content-type": type } })
  const writes = () => it.emulator.faults.calls({ method: "POST", path: "/api/plugins/telemetry/*" }).length
  return { ...it, one: one!.id, two: two!.id, send, writes }
})

live("rows of one device as ts,key,value are imported, and each rejected row is reported with its line", () =>
  Effect.gen(function* () {
    const { call, one, send } = yield* withDevices
    const csv = [
      "ts,key,value",
      `${t0},t,21.50`,
      `${t0},big,9223372036854775807`,
      `2023-11-14T23:13:20+01:00,t,22`,
      `${t0 + 1},text,"a ""quoted""`,
      `line"`,
      `1700000000,t,1`,
      `${t0},code,007`,
      `2023-11-14T22:13:20,t,1`,
      `${t0 + 2},t,`,
      `${t0 + 3},on,true`,
      `${t0 + 3},formula,'=1+1`,
      `${t0},t`
    ].join("\n")
    const { json, status } = yield* send(`devices/${one}/telemetry/import`, "text/csv", csv)
    expect(status).toBe(200)
    expect(json.rows_taken).toBe(7)
    expect(json.refused.map(({ line }: { line: number }) => line)).toEqual([7, 8, 9, 13])
    expect(json.refused[0].reason).toContain("looks like seconds")
    expect(json.refused[2].reason).toContain("offset")
    // Two rows have the same key and timestamp; the later one is stored.
    expect(json.points_stored).toEqual({ [one]: 5 })
    expect(json.warnings).toEqual(["1 point was left out: a later point in the body has the same key and time."])
    const back = yield* call(`${tb}/devices/${one}/telemetry?keys=t,big,text,on,formula&start_ts=0&end_ts=9000000000000`)
    expect(back.text).toBe(
      `{"t":[{"ts":${t0},"value":22}],"big":[{"ts":${t0},"value":9223372036854775807}],"text":[{"ts":${t0 + 1},"value":"a \\"quoted\\"\\nline"}],"on":[{"ts":${t0 + 3},"value":true}],"formula":[{"ts":${t0 + 3},"value":"=1+1"}]}`
    )
  })
)

live("a wide file has one column per key; timestamps in seconds are accepted with ts_unit=s", () =>
  Effect.gen(function* () {
    const { call, one, send } = yield* withDevices
    const { json } = yield* send(`devices/${one}/telemetry/import?ts_unit=s`, "text/csv", "ts,a,b\r\n1700000000.5,1,x\r\n1700000001,,y\r\n")
    expect([json.rows_taken, json.points_stored[one]]).toEqual([2, 3])
    expect((yield* call(`${tb}/devices/${one}/telemetry?start_ts=0&end_ts=9000000000000`)).json).toEqual({
      a: [{ ts: t0 + 500, value: 1 }],
      b: [
        { ts: t0 + 500, value: "x" },
        { ts: t0 + 1000, value: "y" }
      ]
    })
  })
)

live("rows of many devices, by id and by name, need one write per device", () =>
  Effect.gen(function* () {
    const { one, send, two, writes } = yield* withDevices
    const lines = [
      { device_id: one, ts: t0, key: "a", value: 1 },
      { device_name: "Pump", ts: t0, values: { a: 1, b: [1, 2] } },
      { device_id: one.toUpperCase(), ts: t0 + 1, key: "a", value: 2 },
      { device_id: missing, ts: t0, key: "a", value: 1 },
      { device_name: "pump", ts: t0, key: "a", value: 1 },
      { ts: t0, key: "a", value: 1 },
      { device_id: "../../auth/login", ts: t0, key: "a", value: 1 },
      { device_id: two, ts: t0, key: "c", value: null },
      { device_id: two, ts: t0, key: "c", value: 1, unit: "C" }
    ].map((line) => JSON.stringify(line))
    const { json } = yield* send("telemetry/import", "application/x-ndjson", `${lines.join("\n")}\n\n{broken\n`)
    expect(json.rows_taken).toBe(3)
    expect(json.points_stored).toEqual({ [one]: 2, [two]: 2 })
    expect(json.refused.map(({ line }: { line: number }) => line).toSorted((a: number, b: number) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 11])
    expect(writes()).toBe(3)
  })
)

live("a dry run validates everything and stores nothing", () =>
  Effect.gen(function* () {
    const { one, send, writes } = yield* withDevices
    const body = `device_id,ts,key,value\n${one},${t0},a,1\n${missing},${t0},a,1\n`
    const { json } = yield* send("telemetry/import?dry_run=true", "text/csv", body)
    expect(json).toMatchObject({ dry_run: true, rows_taken: 1, rows_refused: 1, message: "Would accept 1 row, reject 1" })
    expect(writes()).toBe(0)
  })
)

live("an unusable header and an empty body get 400", () =>
  Effect.gen(function* () {
    const { one, send } = yield* withDevices
    for (const body of ["time,key,value\n1,a,1\n", "ts\n1\n", "ts,a,a\n1,1,1\n", "ts,device_id,key,value\n", '"ts\n']) {
      const answer = yield* send(`devices/${one}/telemetry/import`, "text/csv", body)
      expect([body, answer.status]).toEqual([body, 400])
    }
    expect((yield* send("telemetry/import", "text/csv", "ts,key,value\n1,a,1\n")).status).toBe(400)
    expect((yield* send(`devices/${missing}/telemetry/import`, "text/csv", "ts,key,value\n")).status).toBe(404)
  })
)

live("rows that ThingsBoard does not store are reported, and never counted as stored", () =>
  Effect.gen(function* () {
    const { emulator, one, send, two } = yield* withDevices
    emulator.faults.inject({
      method: "POST",
      path: `/api/plugins/telemetry/DEVICE/${two}/*`,
      times: "always",
      outcome: { type: "Status", status: 400, body: "no" }
    })
    const body = [one, two, two].map((device_id, i) => JSON.stringify({ device_id, ts: t0 + i, key: "a", value: i })).join("\n")
    const { json } = yield* send("telemetry/import", "application/x-ndjson", body)
    expect(json).toMatchObject({ status: "partial", rows_taken: 1, rows_refused: 2, rows_unknown: 0, rows_not_sent: 0 })
    expect(json.resume_line).toBeUndefined()
    expect(json.points_stored).toEqual({ [one]: 1 })
    expect(json.refused).toEqual([
      { line: 2, reason: "a: ThingsBoard rejects this key or value" },
      { line: 3, reason: "a: ThingsBoard rejects this key or value" }
    ])
  })
)

live("a file is what its format says, else what its Content-Type says, else CSV", () =>
  Effect.gen(function* () {
    const { call, one, send } = yield* withDevices
    const path = `devices/${one}/telemetry/import`
    const binary = "application/octet-stream"
    const csv = `ts,key,value\n${t0},a,1\n`
    const ndjson = `{"ts":${t0},"key":"a","value":1}\n`
    const accepted = [
      yield* send(path, binary, csv),
      yield* send(`${path}?format=csv`, binary, csv),
      yield* send(`${path}?format=jsonl`, binary, ndjson),
      yield* send(`telemetry/import?format=jsonl`, binary, `{"device_id":"${one}","ts":${t0},"key":"a","value":1}\n`),
      yield* send(path, "text/csv; charset=utf-8", csv),
      yield* send(path, "application/csv", csv),
      yield* send(path, "application/x-ndjson", ndjson),
      yield* send(`${path}?format=jsonl`, "application/x-ndjson", ndjson),
      yield* call(`${tb}/${path}`, { method: "POST", body: Buffer.from(csv), headers: { "content-type": "" } })
    ]
    expect(accepted.map(({ json, status }) => [status, json.rows_taken, json.rows_refused])).toEqual(accepted.map(() => [200, 1, 0]))
    const contradiction = yield* send(`${path}?format=csv`, "application/x-ndjson", csv)
    expect([contradiction.status, contradiction.json.details.errors.map(({ field }: { field: string }) => field)]).toEqual([
      400,
      ["query.format"]
    ])
    expect((yield* send(`${path}?format=xlsx`, binary, csv)).status).toBe(400)
    for (const type of ["application/json", "text/plain", "multipart/form-data"]) {
      const refused = yield* send(path, type, csv)
      expect([type, refused.status, refused.json.details.accepted]).toEqual([type, 415, ["text/csv", "application/x-ndjson", binary]])
    }
  })
)

live("files are not accepted where JSON is uploaded", () =>
  Effect.gen(function* () {
    const { one, send, writes } = yield* withDevices
    for (const path of [`devices/${one}/telemetry`, "telemetry/bulk"])
      for (const type of ["text/csv", "application/x-ndjson", "application/octet-stream"]) {
        const refused = yield* send(path, type, `ts,key,value\n${t0},a,1\n`)
        expect([path, type, refused.status, refused.json.details]).toEqual([path, type, 415, { accepted: ["application/json"] }])
      }
    expect((yield* send(`devices/${one}/telemetry?dry_run=true`, "application/json", `{"a":[{"ts":${t0},"value":1}]}`)).status).toBe(400)
    expect(writes()).toBe(0)
  })
)

live("an export can be imported again without changes", () =>
  Effect.gen(function* () {
    const { call, emulator, one, send, two } = yield* withDevices
    const source = emulator.store.directory.get(one)!
    emulator.store.telemetry.save(source, [
      { key: "a,b", ts: t0, value: 9_007_199_254_740_993n },
      { key: "a,b", ts: t0 + 1, value: 1.5 },
      { key: "text", ts: t0, value: '=danger, "quoted"\nline' },
      { key: "flag", ts: t0, value: false }
    ])
    const range = `start_ts=0&end_ts=9000000000000`
    for (const [format, type] of [
      ["csv", "text/csv"],
      ["jsonl", "application/x-ndjson"]
    ] as const) {
      const file = yield* call(`${tb}/devices/${one}/telemetry/export?${range}&format=${format}`)
      const { json } = yield* send(`devices/${two}/telemetry/import`, type, file.text)
      expect([format, json.rows_taken, json.rows_refused]).toEqual([format, 4, 0])
      const copy = yield* call(`${tb}/devices/${two}/telemetry?${range}`)
      expect(copy.text).toBe((yield* call(`${tb}/devices/${one}/telemetry?${range}`)).text)
    }
  })
)

live("a file of which no row is stored has the status failed; one without rows is a success", () =>
  Effect.gen(function* () {
    const { emulator, one, send } = yield* withDevices
    const path = `devices/${one}/telemetry/import`
    const rejected = yield* send(path, "text/csv", "ts,key,value\nyesterday,a,1\n")
    expect(rejected.json).toMatchObject({ status: "failed", rows_taken: 0, rows_refused: 1 })
    expect((yield* send(path, "text/csv", "ts,key,value\n")).json.status).toBe("success")
    emulator.faults.inject({
      method: "POST",
      path: "/api/plugins/telemetry/*",
      times: "always",
      outcome: { type: "Redirect", location: "/login" }
    })
    const stopped = yield* send(path, "text/csv", `ts,key,value\nyesterday,a,1\n${t0},a,1\n`)
    expect(stopped.json).toMatchObject({ status: "failed", rows_taken: 0, rows_refused: 1, rows_unknown: 1, resume_line: 3 })
    expect(stopped.json.points_stored).toEqual({})
  })
)
