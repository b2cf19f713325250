/** Keys with their own ThingsBoard user: its permissions apply, its session is its own, and its secrets appear nowhere. */
import { expect } from "bun:test"
import { Duration, Effect, Redacted, Schedule } from "effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile, renderKeyFile } from "../support/keyFile.ts"
import { recordingProxy } from "../support/recordingProxy.ts"

const tb = "/api/v1/tb"
const { freshPassword, guestPassword, strangerPassword } = canaries
const range = "start_ts=0&end_ts=253402300799999"
const points = 60_000

/** A tenant with an assigned and an unassigned device, and another tenant; a key for a user of each. */
const siteWith = Effect.fnUntraced(function* ({ untraced }: { readonly untraced: boolean }) {
  const path = yield* temporaryFolder("secrets")
  const passwordFile = join(path, "thingsboard-password")
  yield* Effect.promise(() => Bun.write(passwordFile, `${guestPassword}\n`))
  const guest = { username: "guest@example.com", password: { file: passwordFile } }
  const apiKeysFile = yield* writeKeyFile({
    free: {},
    guest: { thingsboard: guest },
    guestToo: { thingsboard: guest },
    guestMeters: { thingsboard: guest, devices: { types: ["meter"] } },
    stranger: { thingsboard: { username: "stranger@example.com", password: { env: "STRANGER_PASSWORD" } } }
  })
  const { forwardTo: aim, calls, searches, traces, url, users } = yield* recordingProxy
  const it = yield* gateway({ environment: { STRANGER_PASSWORD: strangerPassword }, settings: { apiKeysFile, tbHost: url }, untraced })
  aim(it.emulator.url)
  const { accounts, directory, telemetry } = it.emulator.store
  const { tenantId } = it.tenant
  const customer = directory.createCustomer({ tenantId, name: "Customer", now: 1 })
  const password = Redacted.make(guestPassword)
  accounts.createUser({
    tenantId,
    email: "guest@example.com",
    authority: "CUSTOMER_USER",
    password,
    customerId: customer.id,
    now: 1
  })
  const mine = directory.createDevice({ tenantId, name: "Mine", type: "sensor", now: 1, customerId: customer.id })
  const meter = directory.createDevice({ tenantId, name: "Meter", type: "meter", now: 2, customerId: customer.id })
  const other = directory.createDevice({ tenantId, name: "Other", type: "meter", now: 3 })
  const stranger = yield* it.emulator.createTenant({ username: "stranger@example.com", password: Redacted.make(strangerPassword) })
  const strange = directory.createDevice({ tenantId: stranger.tenantId, name: "Strange", type: "meter", now: 4 })
  for (const device of [mine, meter, other, strange]) telemetry.save(device, [{ key: "v", ts: 1000, value: 1n }])
  return {
    ...it,
    apiKeysFile,
    passwordFile,
    upstream: calls,
    searches,
    traces,
    users,
    devices: { mine, meter, other, strange },
    as: (key: string, path: string, body?: unknown) =>
      it.call(`${tb}/${path}`, { key: keyOf(key), ...(body === undefined ? {} : { body }) })
  }
})

const site = siteWith({ untraced: false })

const names = (json: { readonly data: ReadonlyArray<{ readonly name: string }> }) => json.data.map(({ name }) => name).toSorted()

live("lists, devices, history, writes and graphs use the permissions of the key's user and no others", () =>
  Effect.gen(function* () {
    const it = yield* site
    const seen = {
      free: ["Meter", "Mine", "Other"],
      guest: ["Meter", "Mine"],
      guestToo: ["Meter", "Mine"],
      guestMeters: ["Meter"],
      stranger: ["Strange"]
    }
    for (const [key, expected] of Object.entries(seen)) {
      const { json } = yield* it.as(key, "devices")
      expect([key, names(json), json.pagination.total_elements]).toEqual([key, expected, expected.length])
      // Twice, so that each key's requests meet the caches that the other filled.
      for (const device of [...Object.values(it.devices), ...Object.values(it.devices)]) {
        const status = expected.includes(device.name) ? 200 : 404
        const { id } = device
        const answers = [
          yield* it.as(key, `devices/${id}`),
          yield* it.as(key, `devices/${id}/keys`),
          yield* it.as(key, `devices/${id}/telemetry?${range}`),
          yield* it.as(key, `devices/${id}/telemetry/latest`),
          yield* it.as(key, `devices/${id}/attributes`),
          yield* it.as(key, `graph/${id}`),
          yield* it.as(key, `devices/${id}/telemetry/query`, { keys: ["v"], start_ts: 0, end_ts: 2000 }),
          yield* it.as(key, "telemetry/export", { device_ids: [id], keys: ["v"], start_ts: 0, end_ts: 2000, format: "csv" })
        ]
        expect([key, device.name, answers.map((answer) => answer.status)]).toEqual([key, device.name, answers.map(() => status)])
        const write = yield* it.as(key, `devices/${id}/telemetry`, { w: [{ ts: 1, value: 1 }] })
        expect([key, device.name, write.status]).toEqual([key, device.name, status === 200 ? 201 : 404])
      }
    }
  })
)

live("every call for a request, up to the last page of a file, is made as the key's user", () =>
  Effect.gen(function* () {
    const it = yield* site
    const rows = Array.from({ length: points }, (_, i) => ({ key: "v", ts: 2000 + i, value: BigInt(i) }))
    it.emulator.store.telemetry.save(it.devices.mine, rows)
    yield* it.as("free", "devices")
    for (const [key, user] of [
      ["guest", "guest@example.com"],
      ["free", canaries.username]
    ] as const) {
      it.users.length = it.upstream.length = 0
      const file = yield* it.as(key, `devices/${it.devices.mine.id}/telemetry/export?${range}&format=csv`)
      expect(file.text.trimEnd().split("\r\n").length).toBe(1 + 1 + points)
      const many = yield* it.as(key, "telemetry/export", { device_type: "meter", keys: ["v"], start_ts: 0, end_ts: 2000, format: "csv" })
      expect(many.text.includes("Other")).toBe(key === "free")
      expect(it.upstream.length).toBeGreaterThan(5)
      expect(new Set(it.users.filter((one) => one !== "nobody"))).toEqual(new Set([user]))
    }
  })
)

live("keys of one user share a session, and concurrent requests need one login", () =>
  Effect.gen(function* () {
    const it = yield* site
    yield* it.as("free", "devices")
    it.upstream.length = 0
    yield* Effect.forEach(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? "guest" : "guestToo")),
      (key) => it.as(key, `devices/${it.devices.mine.id}`),
      { concurrency: "unbounded" }
    )
    expect(it.upstream.filter((call) => call === "POST /api/auth/login").length).toBe(1)
  })
)

live("requests of different users share neither caches nor calls", () =>
  Effect.gen(function* () {
    const it = yield* siteWith({ untraced: true })
    const { mine, strange } = it.devices
    const latest = (key: string, id: string) => it.as(key, `devices/${id}/telemetry/latest?keys=v`)
    // The first request returns everything that the device has, since the gateway does not know ThingsBoard's keys yet.
    for (const [key, id] of [
      ["free", mine.id],
      ["stranger", strange.id],
      ["guest", mine.id],
      ["guestMeters", it.devices.meter.id]
    ] as const) {
      it.searches.length = 0
      expect((yield* latest(key, id)).status).toBe(200)
      yield* latest(key, id)
      const reads = it.searches.filter((search) => search.includes("useStrictDataTypes"))
      expect([key, reads.map((search) => search.includes("keys=v"))]).toEqual([key, [false, true]])
    }

    const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`
    const history = `${tb}/devices/${it.devices.meter.id}/telemetry?${range}`
    yield* it.call(`${tb}/devices/${mine.id}/telemetry?${range}`, { key: keyOf("guestToo"), headers: { traceparent } })
    expect(it.traces.some((trace) => trace?.includes("1".repeat(32)))).toBe(true)
    for (const key of ["guest", "guestToo", "guestMeters", "free"]) {
      it.traces.length = 0
      expect((yield* it.call(history, { key: keyOf(key) })).status).toBe(200)
      expect([key, it.traces.filter((trace) => trace?.includes("1".repeat(32)))]).toEqual([key, []])
    }
  })
)

live(
  "a password that changes in its file is used without a restart, and a key without its password is unusable",
  () =>
    Effect.gen(function* () {
      const it = yield* site
      const { accounts, directory } = it.emulator.store
      const { tenantId } = it.tenant
      accounts.createUser({
        tenantId,
        email: "fresh@example.com",
        authority: "TENANT_ADMIN",
        password: Redacted.make(freshPassword),
        now: 9
      })
      expect(directory.userByEmail("fresh@example.com")).toBeDefined()
      const as = { username: "fresh@example.com", password: { file: it.passwordFile } }
      yield* Effect.promise(() => Bun.write(it.apiKeysFile, renderKeyFile({ fresh: { thingsboard: as } })))
      const status = (key: string) => Effect.map(it.as(key, "devices"), (answer) => answer.status)
      const until = (key: string, wanted: number) =>
        status(key).pipe(
          Effect.filterOrFail((found) => found === wanted),
          Effect.retry({ schedule: Schedule.spaced(Duration.millis(200)), times: 60 })
        )
      // This is the guest's password, not that user's.
      yield* until("fresh", 503)
      yield* Effect.promise(() => Bun.write(it.passwordFile, freshPassword))
      yield* until("fresh", 200)
      yield* Effect.promise(() => rm(it.passwordFile))
      yield* until("fresh", 503)
      expect(it.records.find(({ message }) => String(message).startsWith("A key cannot be used"))).toMatchObject({
        key_id: "fresh",
        reason: `the file ${it.passwordFile} is empty or cannot be read`
      })
    }),
  120_000
)

live("a key whose user has no secret gets 503 without a call and is counted; other keys are unaffected", () =>
  Effect.gen(function* () {
    const limited = { scopes: ["devices:read" as const], rate_limit: { requests: 2, window_seconds: 60 } }
    const apiKeysFile = yield* writeKeyFile({
      user: { ...limited, thingsboard: { username: "a@example.com", password: { file: "/nowhere/secret" } } },
      billing: { ...limited, thingsboard: { api_key: { env: "NO_SUCH_VARIABLE" } } },
      free: {}
    })
    const { emulator, call, records } = yield* gateway({ settings: { apiKeysFile } })
    const ask = (key: string, path = "devices") => call(`${tb}/${path}`, { key: keyOf(key) })
    expect((yield* ask("free")).status).toBe(200)
    const before = emulator.faults.calls().length
    for (const [key, place] of [
      ["user", "/nowhere/secret"],
      ["billing", "NO_SUCH_VARIABLE"]
    ] as const) {
      const answer = yield* ask(key)
      expect([answer.status, answer.json.error_code, answer.headers.get("retry-after")]).toEqual([503, "UPSTREAM_UNAVAILABLE", "30"])
      expect(answer.text).not.toContain(place)
      expect((yield* ask(key, "assets")).status).toBe(403)
      expect((yield* ask(key)).status).toBe(429)
      const told = records.filter((record) => record["key_id"] === key && String(record["message"]).startsWith("A key cannot be used"))
      expect(told).toMatchObject([{ reason: expect.stringContaining(place) }])
    }
    expect(emulator.faults.calls().length).toBe(before)
    expect(records.filter(({ message }) => String(message).startsWith("ThingsBoard"))).toEqual([])
    expect((yield* ask("free")).status).toBe(200)
  })
)

live("a gateway does not start with an invalid ThingsBoard user, and names the key", () =>
  Effect.gen(function* () {
    for (const thingsboard of [
      { username: "a" },
      { username: "a", password: "plain text" },
      { username: "a", password: { env: "A" }, api_key: { env: "B" } }
    ]) {
      const apiKeysFile = yield* writeKeyFile({ one: { thingsboard: thingsboard as never } })
      const started = yield* Effect.exit(gateway({ settings: { apiKeysFile } }))
      expect(started._tag).toBe("Failure")
      expect(Bun.inspect(started)).toContain("key one: thingsboard")
      expect(Bun.inspect(started)).not.toContain("plain text")
    }
  })
)
