/**
 * Gateways are killed (`kill -9`) at random moments while they accept and deliver queued uploads, and ThingsBoard comes and goes: one with
 * a folder, and two that share Redis, which is killed as well. Every acknowledged point is stored in the end, once, and the values of one
 * time are those that were accepted last. QUEUE_POINTS and QUEUE_KILLS make the test longer: 100000 and 20, or 200, take some minutes.
 */
import { describe, expect } from "bun:test"
import { Context, Effect, Layer, Redacted, type Scope } from "effect"
import { join } from "node:path"
import { Emulator } from "../../../src/emulator/Emulator.ts"
import * as Runtime from "../../../src/platform/Runtime.ts"
import { live } from "../../support/effectTest.ts"
import { canaries } from "../../support/leaks/canaries.ts"
import { startProgram } from "../../support/program.ts"
import { propertySeed } from "../../support/propertySeed.ts"
import { randomFrom } from "../../support/random.ts"
import { durable, hasRedis, redisServerWith } from "../../support/redis.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"

const points = Number(process.env["QUEUE_POINTS"] ?? 5000)
const kills = Number(process.env["QUEUE_KILLS"] ?? 4)
const pointsPerUpload = 10
const writers = 8
/** Then gateways are suspended as well. */
const isLong = kills > 10
const t0 = 1_700_000_000_000

/** What is killed. */
interface Place {
  readonly settings: Record<string, string>
  readonly gateways: number
  /** Kills Redis, and starts it again. */
  readonly restart?: Effect.Effect<void, unknown>
}

const inFolder = Effect.map(temporaryFolder("kill"), (folder): Place => ({ settings: { SPOOL_DIR: join(folder, "spool") }, gateways: 1 }))

const inRedis = Effect.gen(function* () {
  const { kill, start, url } = yield* redisServerWith(durable)
  yield* start
  const place: Place = { settings: { SPOOL_REDIS_URL: url }, gateways: 2, restart: Effect.andThen(kill, start) }
  return place
})

const testKills = (place: Effect.Effect<Place, unknown, Scope.Scope>) =>
  Effect.gen(function* () {
    const random = randomFrom(propertySeed)
    const { gateways: count, restart, settings } = yield* place
    const emulator = Context.get(
      yield* Layer.build(Layer.provide(Emulator.layer({ version: "4.3", hostname: "127.0.0.1" }), Runtime.layer)),
      Emulator
    )
    const { tenantId } = yield* emulator.createTenant({ username: canaries.username, password: Redacted.make(canaries.password) })
    const devices = Array.from({ length: writers }, (_, n) =>
      emulator.store.directory.createDevice({ tenantId, name: `Device ${n}`, type: "default", now: 1 })
    )
    const environment = {
      TB_HOST: emulator.url,
      TB_USERNAME: canaries.username,
      TB_PASSWORD: canaries.password,
      API_KEY: canaries.apiKey,
      HOST: "127.0.0.1",
      PORT: "0",
      RATE_LIMIT_REQUESTS: "1000000",
      TB_BREAKER_FAILURES: "0",
      AUDIT_LOG: "false",
      ...settings
    }
    const serve = Effect.gen(function* () {
      const program = yield* startProgram(["serve"], environment)
      const [, url] = yield* program.waitForOutput(/listens on (https?:\/\/[\d.:]+)/)
      return { program, url: url! }
    })
    const gateways = yield* Effect.all(
      Array.from({ length: count }, () => serve),
      { concurrency: "unbounded" }
    )
    const anyIndex = () => Math.floor(random() * count)
    const headers = { "x-api-key": canaries.apiKey }
    /** By device: how many uploads were acknowledged, and the newest value of the time that all uploads overwrite. */
    const acknowledged = devices.map(() => 0)
    const newest = devices.map(() => -1)
    let lastBatch = ""

    const write = (n: number) =>
      Effect.promise(async () => {
        while (acknowledged[n]! * pointsPerUpload * writers < points) {
          const upload = acknowledged[n]!
          const body = {
            own: Array.from({ length: pointsPerUpload - 1 }, (_, i) => ({ ts: t0 + upload * 100 + i, value: upload })),
            newest: [{ ts: t0, value: upload }]
          }
          const response = await fetch(`${gateways[anyIndex()]!.url}/api/v1/tb/devices/${devices[n]!.id}/telemetry`, {
            method: "POST",
            headers: { ...headers, "content-type": "application/json", prefer: "respond-async" },
            body: JSON.stringify(body)
          }).catch(() => undefined)
          if (response === undefined || response.status === 503) {
            // The same upload again, until it is acknowledged.
            await Bun.sleep(20)
            continue
          }
          expect(response.status).toBe(202)
          lastBatch = ((await response.json()) as { readonly batch_id: string }).batch_id
          acknowledged[n]!++
          newest[n] = upload
        }
      })

    const killGateway = Effect.gen(function* () {
      const index = anyIndex()
      const { program } = gateways[index]!
      if (count > 1 && isLong && random() < 0.3) {
        // Long enough for the other one to take over.
        program.kill("SIGSTOP")
        yield* Effect.sleep(10_000 + random() * 8000)
        program.kill("SIGCONT")
        return
      }
      program.kill("SIGKILL")
      gateways[index] = yield* serve
    })
    const disturb = Effect.gen(function* () {
      for (let kill = 0; kill < kills; kill++) {
        yield* Effect.sleep(100 + random() * 400)
        if (random() < 0.5)
          emulator.faults.inject({ path: "/api/plugins/*", times: "always", outcome: { type: "Reset", handled: random() < 0.5 } })
        yield* Effect.sleep(random() * 200)
        yield* restart !== undefined && random() < 0.3 ? restart : killGateway
        if (random() < 0.5) emulator.faults.clearFaults()
      }
      emulator.faults.clearFaults()
    })

    yield* Effect.all([disturb, ...devices.map((_, n) => write(n))], { concurrency: "unbounded", discard: true })

    const spoolDetail = Effect.promise(async () => {
      const response = await fetch(`${gateways[0]!.url}/ready`)
      return ((await response.json()) as { dependencies: ReadonlyArray<{ name: string; detail: string }> }).dependencies.find(
        ({ name }) => name === "spool"
      )!.detail
    })
    while ((yield* spoolDetail) !== "No points wait.") yield* Effect.sleep("50 millis")

    for (const [n, device] of devices.entries()) {
      const history = (key: string) =>
        emulator.store.telemetry.history(device, key, { startTs: 0, endTs: 2 * t0, limit: 1_000_000, descending: false })
      expect(history("newest")).toEqual([{ ts: t0, value: BigInt(newest[n]!) }])
      const expected = Array.from({ length: acknowledged[n]! }, (_, upload) =>
        Array.from({ length: pointsPerUpload - 1 }, (__, i) => ({ ts: t0 + upload * 100 + i, value: BigInt(upload) }))
      ).flat()
      expect(history("own")).toEqual(expected)
    }
    // Whichever gateway is asked.
    for (const { url } of gateways) {
      const response = yield* Effect.promise(() => fetch(`${url}/api/v1/tb/ingest/${lastBatch}`, { headers }))
      expect(yield* Effect.promise(() => response.json())).toMatchObject({ state: "stored", points_stored: pointsPerUpload })
    }
  })

const timeout = 60_000 + 10_000 * kills

live(`${points} queued points in a folder survive ${kills} kills`, () => testKills(inFolder), timeout)

describe.skipIf(!hasRedis)("two gateways", () =>
  live(`${points} queued points in Redis survive ${kills} kills`, () => testKills(inRedis), timeout)
)
