/** A queue in Redis, through the gateway: what clients and operators see while Redis is away or full, and points of keys that are not known here. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Fiber, Redacted } from "effect"
import type { SettingsShape } from "../../../src/config/Settings.ts"
import { openSpool } from "../../../src/spool/redis/openSpool.ts"
import { live } from "../../support/effectTest.ts"
import { canaries, gateway } from "../../support/gateway.ts"
import { makeFastClock } from "../../support/movableClock.ts"
import { runProgram } from "../../support/program.ts"
import { hasRedis, redisServerWith } from "../../support/redis.ts"

const t0 = 1_700_000_000_000
const telemetry = "/api/plugins/telemetry/DEVICE/*"

const start = Effect.fnUntraced(function* (lines: ReadonlyArray<string> = [], settings: Partial<SettingsShape> = {}) {
  const redis = yield* redisServerWith(lines)
  yield* redis.start
  const { clock, moveForward } = yield* makeFastClock(10)
  const it = yield* gateway({ clock, settings: { spoolRedisUrl: Redacted.make(redis.url), ...settings } })
  const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Boiler", type: "default", now: 1 })
  const post = (value: unknown, ts = t0) =>
    it.call(`/api/v1/tb/devices/${device.id}/telemetry`, { body: { k: [{ ts, value }] }, headers: { prefer: "respond-async" } })
  const batch = (id: string) => it.call(`/api/v1/tb/ingest/${id}`)
  const values = () =>
    it.emulator.store.telemetry
      .history(device, "k", { startTs: 0, endTs: 2 * t0, limit: 1000, descending: false })
      .map(({ value }) => value)
  const finished = (id: string) =>
    Effect.gen(function* () {
      for (;;) {
        const found = yield* batch(id)
        if (found.status === 200 && found.json.state !== "waiting") return found.json
        yield* Effect.sleep("10 millis")
      }
    })
  const spoolEntry = Effect.map(it.call("/ready"), ({ json }) => json.dependencies.find(({ name }: { name: string }) => name === "spool"))
  return { ...it, redis, device, post, batch, values, finished, spoolEntry, moveForward }
})

describe.skipIf(!hasRedis)("a queue in Redis", () => {
  live("an upload is acknowledged, stored and shown as with a folder", () =>
    Effect.gen(function* () {
      const { finished, post, spoolEntry, values } = yield* start()
      const response = yield* post(1.5)
      expect([response.status, response.headers.get("location")]).toEqual([202, `/api/v1/tb/ingest/${response.json.batch_id}`])
      expect(yield* finished(response.json.batch_id)).toMatchObject({ state: "stored", points_stored: 1 })
      expect([values(), yield* spoolEntry]).toEqual([[1.5], { name: "spool", ok: true, detail: "No points wait." }])
    })
  )

  live("while Redis is away nothing is acknowledged, and what was acknowledged is stored when it is back", () =>
    Effect.gen(function* () {
      const { batch, emulator, finished, logs, post, redis, spoolEntry, values } = yield* start(["appendonly yes", "appendfsync always"])
      emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 503 } })
      const first = yield* post(1)
      expect(first.status).toBe(202)
      yield* redis.kill
      emulator.faults.clearFaults()
      const refused = yield* post(2, t0 + 1)
      expect([refused.status, refused.headers.get("retry-after"), refused.headers.get("preference-applied")]).toEqual([503, "5", null])
      expect(refused.json).toMatchObject({ error_code: "SPOOL_UNAVAILABLE", retry_after: 5 })
      expect((yield* batch(first.json.batch_id)).json).toMatchObject({ status: 503, error_code: "SPOOL_UNAVAILABLE" })
      expect(yield* spoolEntry).toEqual({ name: "spool", ok: false, detail: "The queue of uploads is not available." })
      yield* redis.start
      expect(yield* finished(first.json.batch_id)).toMatchObject({ state: "stored" })
      while ((yield* post(3, t0 + 2)).status !== 202) yield* Effect.sleep("10 millis")
      while (values().length < 2) yield* Effect.sleep("10 millis")
      expect(values()).toEqual([1n, 3n])
      const text = logs.join("\n")
      expect(text).toContain("The queue of uploads can be used again")
      expect(logs.filter((line) => line.includes("uploads get 503"))).toHaveLength(1)
      expect(text).not.toContain(canaries.urlPassword)
    })
  )

  live("while Redis does not respond, uploads get 503 after a few seconds, other requests are served, and it recovers", () =>
    Effect.gen(function* () {
      const { call, post, redis, values } = yield* start()
      yield* post(1)
      yield* redis.pause
      const upload = yield* Effect.forkChild(Effect.timed(post(2, t0 + 1)))
      expect((yield* call("/api/v1/tb/devices")).status).toBe(200)
      const [took, refused] = yield* Fiber.join(upload)
      expect([refused.status, refused.json.error_code]).toEqual([503, "SPOOL_UNAVAILABLE"])
      expect(Duration.toSeconds(took)).toBeWithin(4, 10)
      yield* redis.resume
      while ((yield* post(3, t0 + 2)).status !== 202) yield* Effect.sleep("20 millis")
      while (!values().includes(3n)) yield* Effect.sleep("20 millis")
    })
  )

  live("without free memory in Redis, uploads get 507 until points are delivered", () =>
    Effect.gen(function* () {
      const { emulator, post, spoolEntry } = yield* start(["maxmemory 4mb"])
      emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 503 } })
      let response = yield* post("x".repeat(100_000))
      for (let ts = 1; response.status === 202; ts++) response = yield* post("x".repeat(100_000), ts)
      expect([response.status, response.json.details]).toEqual([507, { limit: "memory" }])
      emulator.faults.clearFaults()
      while ((yield* spoolEntry).detail !== "No points wait.") yield* Effect.sleep("20 millis")
      expect((yield* post(1)).status).toBe(202)
    })
  )

  live("points of a key that only another gateway knows are left alone for an hour, and then set aside", () =>
    Effect.gen(function* () {
      const { device, moveForward, redis, spoolEntry, values } = yield* start()
      const spool = yield* openSpool(redis.url, { bytes: 1e9, age: 1e9 })
      const devices = [{ device: { id: device.id }, points: [{ key: "k", ts: t0, token: "1" }] }]
      yield* spool.add({ id: "1", owner: "elsewhere", devices })
      yield* Effect.sleep("500 millis")
      expect((yield* spoolEntry).detail).toStartWith("1 point waits, the oldest for ")
      moveForward("61 minutes")
      while ((yield* spool.batch("1"))!.rejected === 0) yield* Effect.sleep("20 millis")
      expect(yield* spool.rejected("1", 1)).toMatchObject([{ reason: "the API key of this upload has been removed or disabled" }])
      expect(values()).toEqual([])
    })
  )

  live("boardwalk spool works on it, and doctor says what is wrong with it", () =>
    Effect.gen(function* () {
      const redis = yield* redisServerWith([])
      yield* redis.start
      const environment = { SPOOL_REDIS_URL: redis.url }
      const spool = yield* openSpool(redis.url, { bytes: 1e9, age: 1e9 })
      yield* spool.add({ id: "one", owner: "key", devices: [{ device: { id: "a" }, points: [{ key: "k", ts: 1, token: "1" }] }] })
      expect((yield* runProgram(["spool", "status"], environment)).stdout).toMatch(/^1 point waiting/)
      expect((yield* runProgram(["spool", "list"], environment)).stdout).toMatch(/^one {2}key {2}/)
      expect((yield* runProgram(["spool", "drop", "one"], environment)).stdout).toBe("Dropped 1 point of one\n")
      expect(yield* spool.waiting).toMatchObject({ entries: 0, points: 0, bytes: 0 })
      const doctor = yield* runProgram(["doctor"], {
        ...environment,
        TB_HOST: "http://127.0.0.1:9",
        TB_USERNAME: canaries.username,
        TB_PASSWORD: canaries.password,
        API_KEY: canaries.apiKey
      })
      expect(doctor.stdout).toContain("queue of uploads: 0 points wait, but Redis does not write them to a file")
      yield* redis.kill
      const failed = yield* runProgram(["spool", "status"], environment)
      expect(failed).toMatchObject({ exitCode: 1, stdout: "" })
      expect(failed.stderr).toContain("The queue in SPOOL_REDIS_URL cannot be opened: ERR_REDIS_CONNECTION_CLOSED")
      for (const { stderr, stdout } of [doctor, failed]) expect(stdout + stderr).not.toContain(canaries.urlPassword)
    })
  )
})
