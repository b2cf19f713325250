/** Wide files, local times and the dialect of Excel: what they look like, that imports read them back, and what is rejected. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { canaries } from "../support/leaks/canaries.ts"

const tb = "/api/v1/tb"
const t0 = Date.UTC(2026, 2, 29, 0, 59, 59, 500) // half a second before the clocks of Berlin go forward
const all = "start_ts=0&end_ts=253402300800000"

const site = Effect.gen(function* () {
  const it = yield* gateway()
  const { directory } = it.emulator.store
  let created = 0
  const create = (name: string) =>
    directory.createDevice({ tenantId: it.tenant.tenantId, name: created++ < 2 ? name : `${name} ${created}`, type: "meter", now: 1 }).id
  const [one, two] = [create("One; 1"), create("Two")]
  const upload = (id: string, body: object | string) =>
    it.call(`${tb}/devices/${id}/telemetry`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) })
  const exported = (id: string, query: string) =>
    Effect.map(it.call(`${tb}/devices/${id}/telemetry/export?${all}&${query}`), ({ text }) => text)
  const importTo = (id: string, query: string, body: string, type = "text/csv") =>
    it.call(`${tb}/devices/${id}/telemetry/import?${query}`, { method: "POST", body, headers: { "content-type": type } })
  const series = (id: string) => Effect.map(it.call(`${tb}/devices/${id}/telemetry?${all}`), ({ text }) => text)
  return { ...it, create, one, two, upload, exported, importTo, series }
})

const points = {
  a: [
    { ts: t0, value: 21.5 },
    { ts: t0 + 1000, value: -0.25 }
  ],
  b: [{ ts: t0 + 1000, value: "x;y" }],
  "c,d": [
    { ts: t0, value: true },
    { ts: t0 + 500, value: { n: [1.5] } }
  ]
}

describe("an export", () => {
  live("with layout=wide has one row per time and one column per key", () =>
    Effect.gen(function* () {
      const { exported, one, upload } = yield* site
      yield* upload(one, points)
      expect(yield* exported(one, "layout=wide&format=csv&key=a&key=b&key=c,d&key=none")).toBe(
        ['ts,a,b,"c,d",none', `${t0},21.5,,true,`, `${t0 + 500},,,"{""n"":[1.5]}",`, `${t0 + 1000},-0.25,"x;y",,`, ""].join("\r\n")
      )
      expect(yield* exported(one, "layout=wide&format=jsonl&key=a&key=b")).toBe(
        `{"ts":${t0},"values":{"a":21.5}}\n{"ts":${t0 + 1000},"values":{"a":-0.25,"b":"x;y"}}\n`
      )
      expect(yield* exported(one, `layout=wide&format=csv&keys=a,b&agg=COUNT&interval=1000`)).toBe(
        `ts,a,b\r\n${t0 - 500},1,\r\n${t0 + 500},1,1\r\n`
      )
    })
  )

  live("with timezone= has local_time, also across a change of the clocks", () =>
    Effect.gen(function* () {
      const { exported, one, upload } = yield* site
      yield* upload(one, points)
      expect(yield* exported(one, "format=csv&keys=a&timezone=Europe/Berlin")).toBe(
        `ts,local_time,key,value\r\n${t0},2026-03-29T01:59:59.500+01:00,a,21.5\r\n${t0 + 1000},2026-03-29T03:00:00.500+02:00,a,-0.25\r\n`
      )
      expect(yield* exported(one, "format=jsonl&keys=b&timezone=America/St_Johns")).toBe(
        `{"ts":${t0 + 1000},"local_time":"2026-03-28T22:30:00.500-02:30","key":"b","value":"x;y"}\n`
      )
      expect(yield* exported(one, "format=csv&layout=wide&keys=a&timezone=UTC")).toStartWith("ts,local_time,a\r\n")
    })
  )

  live("with dialect=excel has a byte order mark, semicolons and decimal commas", () =>
    Effect.gen(function* () {
      const { one, upload, url } = yield* site
      yield* upload(one, points)
      const path = `${tb}/devices/${one}/telemetry/export?${all}&format=csv&keys=a,b&dialect=excel&timezone=Europe/Berlin`
      const bytes = yield* Effect.promise(async () => {
        const response = await fetch(`${url}${path}`, { headers: { "x-api-key": canaries.apiKey } })
        return Buffer.from(await response.arrayBuffer())
      })
      expect(bytes.subarray(0, 3).toString("hex")).toBe("efbbbf")
      expect(bytes.subarray(3).toString()).toBe(
        `ts;local_time;key;value\r\n${t0};2026-03-29 01:59:59,500;a;21,5\r\n${t0 + 1000};2026-03-29 03:00:00,500;a;-0,25\r\n${t0 + 1000};2026-03-29 03:00:00,500;b;"x;y"\r\n`
      )
    })
  )

  live("of several devices can be wide if the keys are named", () =>
    Effect.gen(function* () {
      const { call, one, two, upload } = yield* site
      yield* upload(one, points)
      yield* upload(two, { b: [{ ts: t0, value: 7 }] })
      const file = (body: object) =>
        call(`${tb}/telemetry/export`, {
          method: "POST",
          body: JSON.stringify({ start_ts: 0, end_ts: 253402300800000, format: "csv", layout: "wide", ...body })
        })
      const { text } = yield* file({ device_ids: [one, two], keys: ["a", "b"], timezone: "UTC" })
      expect(text).toBe(
        [
          "device_id,device_name,ts,local_time,a,b",
          `${one},"One; 1",${t0},2026-03-29T00:59:59.500+00:00,21.5,`,
          `${one},"One; 1",${t0 + 1000},2026-03-29T01:00:00.500+00:00,-0.25,"x;y"`,
          `${two},Two,${t0},2026-03-29T00:59:59.500+00:00,,7`,
          ""
        ].join("\r\n")
      )
      const refused = yield* file({ device_type: "meter" })
      expect([refused.status, refused.json.details.errors[0].field]).toEqual([400, "body.keys"])
    })
  )

  live("with layout=wide has no CSV column that an import would not read as a key; jsonl can have it", () =>
    Effect.gen(function* () {
      const { call, create, exported, importTo, one, series, upload } = yield* site
      for (const names of [["key", "value"], ["local_time", "a"], ["TS", "a"], ["device_id"]]) {
        const query = `${names.map((name) => `key=${name}`).join("&")}&layout=wide`
        const refused = yield* call(`${tb}/devices/${one}/telemetry/export?${all}&${query}&format=csv`)
        expect([names, refused.status, refused.json.details.errors[0].field]).toEqual([names, 400, "query.layout"])
      }
      yield* upload(one, { key: [{ ts: t0, value: "a" }], value: [{ ts: t0, value: 1 }], local_time: [{ ts: t0, value: "noon" }] })
      const copy = create("Copy")
      yield* importTo(copy, "", yield* exported(one, "format=jsonl&layout=wide&timezone=UTC"), "application/x-ndjson")
      expect(yield* series(copy)).toBe(yield* series(one))
      const own = create("Own")
      yield* importTo(own, "", `ts,a,local_time\n${t0},1,noon\n`)
      expect(JSON.parse(yield* series(own))).toEqual({ a: [{ ts: t0, value: 1 }], local_time: [{ ts: t0, value: "noon" }] })
    })
  )

  live("rejects what does not go together, all at once", () =>
    Effect.gen(function* () {
      const { call, one } = yield* site
      const { json, status } = yield* call(`${tb}/devices/${one}/telemetry/export?${all}&format=xlsx&layout=wide&dialect=excel`)
      expect([status, json.details.errors.map(({ field }: { readonly field: string }) => field)]).toEqual([
        400,
        ["query.layout", "query.dialect"]
      ])
      expect((yield* call(`${tb}/devices/${one}/telemetry/export?${all}&timezone=Mars`)).status).toBe(400)
    })
  )
})

/** Values that ThingsBoard stores as they are. */
const value = fc.oneof(
  fc.constantFrom("21.50", "-0.25", "9223372036854775807", "1.0E10", "true", "false", '{"a":[1.5,";"]}', "[]"),
  fc.constantFrom('"NA"', '"1,5"', '"x;y"', '"a\\nb"', '"=1+1"', '" 5"', '"#N/A"', '""', '"\\"q\\""', '"+21.5"', '"ä|ö"')
)

live(
  "every style of file reads back as exactly the same series",
  () =>
    Effect.gen(function* () {
      const { create, exported, importTo, series, upload } = yield* site
      const table = fc.array(fc.tuple(fc.constantFrom("k", "=k", "a b", "Value", "ö,;"), fc.integer({ min: 0, max: 30 }), value), {
        minLength: 1,
        maxLength: 60
      })
      const styles = [
        ["format=csv&layout=wide", "", "text/csv"],
        ["format=csv&layout=wide&timezone=Asia/Kolkata", "", "text/csv"],
        ["format=csv&dialect=excel", "decimal=comma", "text/csv"],
        ["format=csv&dialect=excel&layout=wide&timezone=Europe/Berlin", "decimal=comma", "text/csv"],
        ["format=jsonl&layout=wide&timezone=Europe/Berlin", "", "application/x-ndjson"],
        ["format=jsonl&timezone=Europe/Berlin", "", "application/x-ndjson"]
      ] as const
      for (const sample of fc.sample(table, { numRuns: 12, seed: 14 })) {
        const one = create("Original")
        const byKey = new Map<string, Array<string>>()
        for (const [key, at, token] of sample) byKey.set(key, [...(byKey.get(key) ?? []), `{"ts":${t0 + 400 * at},"value":${token}}`])
        const body = `{${[...byKey].map(([key, rows]) => `${JSON.stringify(key)}:[${rows.join(",")}]`).join(",")}}`
        const uploaded = yield* upload(one, body)
        expect([uploaded.status, uploaded.text]).toEqual([201, uploaded.text])
        for (const [query, options, type] of styles) {
          const file = yield* exported(one, query)
          const copy = create("Copy")
          const { json } = yield* importTo(copy, options, file, type)
          expect([query, json.status, json.refused]).toEqual([query, "success", []])
          expect([query, yield* series(copy)]).toEqual([query, yield* series(one)])
        }
      }
    }),
  120_000
)
