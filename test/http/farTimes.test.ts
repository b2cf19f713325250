/** The last times that ThingsBoard can store. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"

const tb = "/api/v1/tb"
const last = 253_402_300_799_999

live("a point in the last millisecond of 9999 can be stored and read everywhere; a later one is rejected with its unit", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    const { id } = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Sensor", now: 1 })
    const device = `${tb}/devices/${id}`
    const upload = (ts: number) => it.call(`${device}/telemetry`, { body: { a: [{ ts, value: 7 }] } })
    expect((yield* upload(last)).status).toBe(201)
    const issues: Record<string, string> = {
      [last + 1]: "Looks like microseconds; expected milliseconds since the Unix epoch",
      "1700000000000000": "Looks like microseconds; expected milliseconds since the Unix epoch",
      "1700000000000000000": "Looks like nanoseconds; expected milliseconds since the Unix epoch",
      "900000000000000000000": `Expected milliseconds since the Unix epoch, a whole number from 0 to ${last}`
    }
    for (const [ts, issue] of Object.entries(issues)) {
      const rejected = yield* upload(Number(ts))
      expect([rejected.status, rejected.json.details.errors]).toEqual([400, [{ field: "body.a[0].ts", issue }]])
      const bulk = yield* it.call(`${tb}/telemetry/bulk`, { body: { [id]: { a: [{ ts: Number(ts), value: 7 }] } } })
      expect([bulk.status, bulk.json.details.errors[0].issue]).toEqual([400, issue])
    }
    const range = `start_ts=${last - 1000}&end_ts=${last + 1}`
    expect((yield* it.call(`${device}/telemetry?${range}`)).json).toEqual({ a: [{ ts: last, value: 7 }] })
    expect((yield* it.call(`${device}/telemetry/export?${range}&format=csv`)).text).toContain(`${last},`)
    const page = yield* it.call(`${device}/telemetry/query`, { body: { keys: ["a"], start_ts: 0, end_ts: last + 1 } })
    expect(page.json.data).toEqual({ a: [{ ts: last, value: 7 }] })
    const counted = yield* it.call(`${device}/telemetry?${range}&agg=COUNT&interval=1h`)
    expect(counted.json.a.map(({ value }: { value: number }) => value)).toEqual([1])
    const daily = yield* it.call(`${device}/telemetry?${range}&agg=SUM&interval=1d&timezone=Pacific/Kiritimati`)
    expect(daily.json.a.map(({ value }: { value: number }) => value)).toEqual([7])
    const beyond = yield* it.call(`${device}/telemetry?start_ts=0&end_ts=${last + 2}`)
    expect(beyond.json.details.errors).toEqual([{ field: "query.end_ts", issue: issues[last + 1]! }])
  })
)
