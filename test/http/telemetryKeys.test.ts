/** Keys of telemetry and attributes exactly as they are written: with commas, with blanks at their ends, and in both parameters. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { DeviceId } from "../../src/domain/Ids.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_006_400_000
const range = `start_ts=${t0}&end_ts=${t0 + 60_000}`
const unusual = ["b,c", " blanks ", ",", "ends,", "a&b=c", "ключ, é %2C", "\u3000wide\u3000"]
const common = "temperature"

const open = Effect.fnUntraced(function* (version: "4.1" | "4.3") {
  let created = 0
  const it = yield* gateway({ emulator: { version } })
  const device = (name: string, keys: ReadonlyArray<string>) => {
    const { directory, telemetry } = it.emulator.store
    const made = directory.createDevice({ tenantId: it.tenant.tenantId, name, type: "meter", now: ++created })
    telemetry.save(
      made,
      keys.map((key, i) => ({ key, ts: t0, value: BigInt(i) }))
    )
    return made.id as DeviceId
  }
  return { ...it, device }
})

const keyParameter = (key: string) => `key=${encodeURIComponent(key)}`

describe("a key with commas or blanks at its ends", () => {
  live("is written and read everywhere, alone and together with others", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open("4.3")
      const id = device("Meter", [common])
      const path = `${tb}/devices/${id}`
      const body = Object.fromEntries(unusual.map((key, i) => [key, [{ ts: t0, value: i }]]))
      expect((yield* call(`${path}/telemetry`, { body })).status).toBe(201)
      const values = Object.fromEntries(unusual.map((key, i) => [key, i]))
      expect((yield* call(`${path}/attributes/server`, { body: values })).status).toBe(201)
      const series = Object.fromEntries(unusual.map((key, i) => [key, [{ ts: t0, value: i }]]))

      for (const [i, key] of unusual.entries()) {
        const name = keyParameter(key)
        expect((yield* call(`${path}/telemetry?${name}&${range}`)).json).toEqual({ [key]: [{ ts: t0, value: i }] })
        const line = (yield* call(`${path}/telemetry/export?${name}&${range}&format=jsonl`)).text
        expect(JSON.parse(line)).toEqual({ ts: t0, key, value: i })
        expect((yield* call(`${path}/telemetry?${name}&${range}&agg=SUM&interval=1m`)).json).toEqual({ [key]: [{ ts: t0, value: i }] })
        const attributes = (yield* call(`${path}/attributes?scope=server&${name}`)).json.data.server
        expect([Object.keys(attributes), attributes[key].value]).toEqual([[key], i])
        // Once from all values of the device, once by name.
        for (let n = 0; n < 2; n++) {
          const latest = (yield* call(`${path}/telemetry/latest?${name}`)).json
          expect([latest.keys_requested, latest.data]).toEqual([[key], { [key]: { ts: t0, value: i } }])
        }
      }

      const all = unusual.map(keyParameter).join("&")
      const both = (yield* call(`${path}/telemetry?keys=${common},nope&${all}&key=${common}&${range}`)).json
      expect(both).toEqual({ [common]: [{ ts: t0, value: 0 }], nope: [], ...series })
      expect(Object.keys(both)).toEqual([common, "nope", ...unusual])
      expect((yield* call(`${path}/telemetry?${range}`)).json).toEqual({ [common]: [{ ts: t0, value: 0 }], ...series })
      const queried = yield* call(`${path}/telemetry/query`, { body: { keys: unusual, start_ts: t0, end_ts: t0 + 1 } })
      expect([queried.json.data, queried.json.metadata.keys_found]).toEqual([series, unusual])
      const exported = yield* call(`${tb}/telemetry/export`, {
        body: { device_ids: [id], keys: unusual, start_ts: t0, end_ts: t0 + 1, format: "json" }
      })
      expect([exported.json[id].telemetry, exported.headers.get("x-keys-skipped")]).toEqual([series, null])
      const latest = yield* call(`${tb}/telemetry/latest`, { body: { device_ids: [id], keys: unusual } })
      expect(latest.json.data[id].values).toEqual(Object.fromEntries(unusual.map((key, i) => [key, { ts: t0, value: i }])))
    })
  )

  live("is read by the typed client; `keys`, which would change it, is rejected there before anything is sent", () =>
    Effect.gen(function* () {
      const { client, device } = yield* open("4.3")
      const params = { device_id: device("Meter", unusual) }
      const query = { start_ts: t0, end_ts: t0 + 1 }
      const types = { "b,c": "number", " blanks ": "number", nope: "text" } as const
      expect(yield* client.telemetry.typedSeries({ params, query: { ...query, types } })).toEqual({
        "b,c": [{ ts: t0, value: 0 }],
        " blanks ": [{ ts: t0, value: 1 }],
        nope: []
      })
      const latest = yield* client.telemetry.latest({ params, query: { key: [",", "ends,"] } })
      expect(latest.data).toEqual({ ",": { ts: t0, value: 2 }, "ends,": { ts: t0, value: 3 } })
      for (const key of ["b,c", " blanks "]) {
        const error = yield* Effect.flip(client.telemetry.series({ params, query: { ...query, keys: [key] } }))
        expect([error._tag, String(error)]).toEqual(["SchemaError", expect.stringContaining("name other keys in `key`")])
      }
    })
  )

  live("that is blank or too long is rejected with the other errors of the request, and counts towards the limit on keys", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open("4.3")
      const path = `${tb}/devices/${device("Meter", [])}`
      const fieldsOf = (text: string) =>
        Effect.map(call(`${path}/telemetry?${text}`), ({ json, status }) => [
          status,
          json.details.errors.map(({ field }: { field: string }) => field)
        ])
      expect(yield* fieldsOf("key=%20&start_ts=x&end_ts=1")).toEqual([400, ["query.key", "query.start_ts"]])
      expect(yield* fieldsOf(`key=a&key=${"x".repeat(256)}&${range}`)).toEqual([400, ["query.key[1]"]])
      const half = Array.from({ length: 501 }, (_, i) => `k${i}`)
      const tooMany = `keys=${half.join(",")}&${half.map((key) => `key=${key}`).join("&")}`
      expect(yield* fieldsOf(`${tooMany}&${range}`)).toEqual([400, ["query.keys"]])
    })
  )
})

describe("before 4.3.1.1, a key with commas", () => {
  live("cannot be named where its history is read, and the reason is given", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open("4.1")
      const id = device("Meter", [common, "b,c", " blanks "])
      const path = `${tb}/devices/${id}/telemetry`
      const body = { keys: [common, "b,c"], start_ts: t0, end_ts: t0 + 1 }
      const refused = yield* Effect.all([
        call(`${path}?key=b%2Cc&${range}`),
        call(`${path}/export?key=b%2Cc&keys=${common}&${range}&format=xlsx`),
        call(`${path}?key=b%2Cc&${range}&agg=MAX&interval=1h`),
        call(`${path}?key=not,there&${range}`),
        call(`${path}/query`, { body }),
        call(`${tb}/telemetry/export`, { body: { ...body, device_type: "meter" } })
      ])
      const reason = "Expected keys without commas: ThingsBoard before 4.3.1.1 cannot read others"
      expect(refused.map(({ json, status }) => [status, json.details.errors])).toEqual(
        ["query.key", "query.key", "query.key", "query.key", "body.keys", "body.keys"].map((field) => [400, [{ field, issue: reason }]])
      )
      // What can be read is read: keys with blanks, latest values, attributes.
      expect((yield* call(`${path}?key=%20blanks%20&${range}`)).json).toEqual({ " blanks ": [{ ts: t0, value: 2 }] })
      for (let n = 0; n < 2; n++)
        expect((yield* call(`${path}/latest?key=b%2Cc&keys=${common}`)).json.data).toEqual({
          [common]: { ts: t0, value: 0 },
          "b,c": { ts: t0, value: 1 }
        })
    })
  )

  live("is left out when all keys are read, which the response and one line of the log report", () =>
    Effect.gen(function* () {
      const { call, device, logs } = yield* open("4.1")
      const id = device("Meter 1", [common, "ключ, é", "b,c"])
      device("Meter 2", [common])
      device("Meter 3", [common, "x,y"])
      const path = `${tb}/devices/${id}/telemetry`
      const body = { device_type: "meter", start_ts: t0, end_ts: t0 + 1 }
      const linesOf = (text: string) =>
        text
          .trim()
          .split(/\r?\n/)
          .slice(1)
          .map((line) => line.split(",").slice(-3))
      const rows = (n: number) => Array.from({ length: n }, () => [String(t0), common, "0"])

      const reads = [
        { url: `${path}?${range}`, skipped: "b%2Cc,%D0%BA%D0%BB%D1%8E%D1%87%2C%20%C3%A9" },
        { url: `${path}/export?${range}&format=csv`, rows: 1, skipped: "b%2Cc,%D0%BA%D0%BB%D1%8E%D1%87%2C%20%C3%A9" },
        { url: `${tb}/telemetry/export`, body, rows: 3, skipped: "b%2Cc,x%2Cy,%D0%BA%D0%BB%D1%8E%D1%87%2C%20%C3%A9" },
        { url: `${path}?${range}&keys=${common}`, skipped: null }
      ]
      for (const { body, rows: count, skipped, url } of reads) {
        const before = logs.length
        const answer = yield* call(url, body === undefined ? {} : { body })
        expect([url, answer.status, answer.headers.get("x-keys-skipped")]).toEqual([url, 200, skipped])
        if (count === undefined) expect(answer.json).toEqual({ [common]: [{ ts: t0, value: 0 }] })
        else expect(linesOf(answer.text)).toEqual(rows(count))
        const lines = logs.slice(before).filter((line) => line.includes("Keys with commas left out"))
        expect(lines.length).toBe(skipped === null ? 0 : 1)
        if (skipped !== null) expect(lines[0]).toContain(skipped)
      }
      expect((yield* call(`${path}?${range}`, { method: "HEAD" })).headers.get("x-keys-skipped")).toBe(reads[0]!.skipped)
    })
  )

  live("is reported as far as a header can hold", () =>
    Effect.gen(function* () {
      const { call, device } = yield* open("4.1")
      const id = device(
        "Meter",
        Array.from({ length: 500 }, (_, i) => `${String(i).padStart(3, "0")},${"x".repeat(100)}`)
      )
      const header = (yield* call(`${tb}/devices/${id}/telemetry?${range}`)).headers.get("x-keys-skipped")!
      expect(header.length).toBeLessThan(4200)
      expect([header.slice(0, 12), header.slice(-4)]).toEqual(["000%2Cxxxxxx", ",..."])
    })
  )
})
