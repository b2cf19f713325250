/** The gateway in front of each supported version of ThingsBoard, with a user or with a ThingsBoard API key. */
import { expect } from "bun:test"
import { Effect, Redacted } from "effect"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"

const goThrough = Effect.fnUntraced(function* (it: Effect.Success<ReturnType<typeof gateway>>) {
  const { directory, relations } = it.emulator.store
  const { tenantId } = it.tenant
  const device = directory.createDevice({ tenantId, name: "Device", type: "sensor", now: 1 })
  const room = directory.createAsset({ tenantId, name: "Room", type: "room", now: 1 })
  relations.save({ fromId: room.id, fromType: "ASSET", toId: device.id, toType: "DEVICE", type: "Contains" })
  const path = `${tb}/devices/${device.id}`
  const answers = [
    yield* it.call(`${path}/telemetry`, { body: { t: [{ ts: 1_700_000_000_000, value: 21.5 }] } }),
    yield* it.call(`${path}/attributes/server`, { body: { serial: "SN-1" } }),
    yield* it.call(`${tb}/devices?sort=name&text_search=dev&active=false`),
    yield* it.call(`${tb}/assets?sort=created_time&order=DESC`),
    yield* it.call(`${tb}/device-types`),
    yield* it.call(`${tb}/asset-types`),
    yield* it.call(`${path}/keys`),
    yield* it.call(`${path}/telemetry/latest`),
    yield* it.call(`${path}/telemetry/export?start_ts=0&end_ts=1800000000000&format=csv`),
    yield* it.call(`${path}/telemetry/query`, { body: { keys: ["t"], start_ts: 0, end_ts: 1_800_000_000_000, interval: "1mo" } }),
    yield* it.call(`${path}/attributes`),
    yield* it.call(`${tb}/graph/${device.id}`),
    yield* it.call(`${tb}/telemetry/latest`, { body: { device_type: "sensor", keys: ["t"] } }),
    yield* it.call(`${tb}/telemetry/export`, { body: { device_type: "sensor", start_ts: 0, end_ts: 1_800_000_000_000, format: "jsonl" } }),
    yield* it.call("/ready")
  ]
  expect(answers.map(({ status, text }) => (status < 300 ? "ok" : text))).toEqual(answers.map(() => "ok"))
  expect(answers[8]!.text).toBe("ts,key,value\r\n1700000000000,t,21.5\r\n")
  expect(answers[11]!.json.nodes.map(({ name }: { name: string }) => name)).toEqual(["Device", "Room"])
  expect(answers[13]!.text).toContain('"device_name":"Device","ts":1700000000000,"key":"t","value":21.5}')
})

for (const version of ["4.1", "4.3"] as const) {
  live(`everything works before ThingsBoard ${version}`, () => Effect.flatMap(gateway({ emulator: { version } }), goThrough))
}

live("a ThingsBoard API key can replace user and password, and a rejected one is not tried repeatedly", () =>
  Effect.gen(function* () {
    const first = yield* gateway()
    const { userId } = first.tenant
    const key = first.emulator.store.accounts.createKey({
      userId,
      tenantId: first.tenant.tenantId,
      description: "gateway",
      enabled: true,
      expirationTime: 0,
      now: Date.now()
    } as never)
    const settings = { tbHost: first.emulator.url }
    const it = yield* gateway({ settings: { ...settings, tbCredentials: { _tag: "ApiKey", key: Redacted.make(key.value) } } })
    expect((yield* it.call(`${tb}/devices`)).status).toBe(200)
    const wrong = yield* gateway({
      settings: { ...settings, tbCredentials: { _tag: "ApiKey", key: Redacted.make(canaries.thingsBoardKey) } }
    })
    first.emulator.faults.clearCalls()
    const answers = yield* Effect.forEach([1, 2, 3, 4, 5], () => wrong.call(`${tb}/devices`))
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503])
    expect(first.emulator.faults.calls({}).length).toBeLessThanOrEqual(2)
    expect(JSON.stringify(wrong.logs)).not.toContain(canaries.thingsBoardKey)
  })
)

live("tokens that ThingsBoard invalidates are replaced by a single login, unnoticed by the requests that wait for it", () =>
  Effect.gen(function* () {
    const it = yield* gateway()
    expect((yield* it.call(`${tb}/devices`)).status).toBe(200)
    yield* it.emulator.revokeTokens
    it.emulator.faults.clearCalls()
    const answers = yield* Effect.forEach(Array.from({ length: 30 }), () => it.call(`${tb}/devices`), { concurrency: 30 })
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const logins = it.emulator.faults.calls({ method: "POST", path: "/api/auth/*" })
    expect(logins.length).toBeLessThanOrEqual(2)
  })
)

live(
  "failures of ThingsBoard become the matching problems",
  () =>
    Effect.gen(function* () {
      const it = yield* gateway({ settings: { tbTimeout: "1 second" as never } })
      yield* it.call(`${tb}/devices`)
      const { faults } = it.emulator
      const troubles = [
        [{ type: "Status", status: 500, body: '{"status":500,"message":"secret text","errorCode":2}' }, 502],
        [{ type: "Garbage" }, 502],
        [{ type: "Hang" }, 504],
        [{ type: "Reset" }, 503],
        [{ type: "Status", status: 429, body: '{"status":429,"message":"Too many requests for current tenant!","errorCode":33}' }, 503]
      ] as const
      for (const [outcome, status] of troubles) {
        faults.inject({ path: "/api/tenant/devices", times: "always", outcome })
        const answer = yield* it.call(`${tb}/devices`)
        expect([outcome.type, answer.status]).toEqual([outcome.type, status])
        expect(answer.text).not.toMatch(/secret text|Too many requests for/)
        faults.clearFaults()
      }
      yield* Effect.sleep("2.5 seconds") // the pause after the second 429
      expect((yield* it.call(`${tb}/devices`)).status).toBe(200)
    }),
  120_000
)
