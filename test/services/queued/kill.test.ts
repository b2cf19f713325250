/**
 * The gateway is killed (`kill -9`) at random moments while it accepts and delivers queued uploads, and ThingsBoard comes and goes. Every
 * acknowledged point is stored in the end, once, and the values of one time are those that were accepted last. QUEUE_POINTS and
 * QUEUE_KILLS make the test longer: 100000 and 20, or 200, take some minutes.
 */
import { expect } from "bun:test"
import { Effect, Layer, Context, Redacted } from "effect"
import { join } from "node:path"
import { Emulator } from "../../../src/emulator/Emulator.ts"
import * as Runtime from "../../../src/platform/Runtime.ts"
import { live } from "../../support/effectTest.ts"
import { canaries } from "../../support/leaks/canaries.ts"
import { startProgram } from "../../support/program.ts"
import { propertySeed } from "../../support/propertySeed.ts"
import { randomFrom } from "../../support/random.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"

const points = Number(process.env["QUEUE_POINTS"] ?? 5000)
const kills = Number(process.env["QUEUE_KILLS"] ?? 4)
const pointsPerUpload = 10
const writers = 8
const t0 = 1_700_000_000_000

live(
  `${points} queued points survive ${kills} kills`,
  () =>
    Effect.gen(function* () {
      const random = randomFrom(propertySeed)
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
        SPOOL_DIR: join(yield* temporaryFolder("kill"), "spool"),
        RATE_LIMIT_REQUESTS: "1000000",
        TB_BREAKER_FAILURES: "0",
        AUDIT_LOG: "false"
      }
      const serve = Effect.gen(function* () {
        const program = yield* startProgram(["serve"], environment)
        const [, url] = yield* program.waitForOutput(/listens on (https?:\/\/[\d.:]+)/)
        return { program, url: url! }
      })
      let gateway = yield* serve
      /** By device: how many uploads were acknowledged, and the newest value of the time that all uploads overwrite. */
      const acknowledged = devices.map(() => 0)
      const newest = devices.map(() => -1)
      /** Uploads whose response was lost: they may be stored or not. */
      const sent = devices.map(() => 0)

      const write = (n: number) =>
        Effect.promise(async () => {
          while (acknowledged[n]! * pointsPerUpload * writers < points) {
            const upload = sent[n]!
            const body = {
              own: Array.from({ length: pointsPerUpload - 1 }, (_, i) => ({ ts: t0 + upload * 100 + i, value: upload })),
              newest: [{ ts: t0, value: upload }]
            }
            const response = await fetch(`${gateway.url}/api/v1/tb/devices/${devices[n]!.id}/telemetry`, {
              method: "POST",
              headers: { "content-type": "application/json", "x-api-key": canaries.apiKey, prefer: "respond-async" },
              body: JSON.stringify(body)
            }).catch(() => undefined)
            if (response === undefined) {
              // The same upload again, until it is acknowledged.
              await Bun.sleep(20)
              continue
            }
            expect(response.status).toBe(202)
            await response.arrayBuffer()
            acknowledged[n]!++
            newest[n] = upload
            sent[n]!++
          }
        })

      const disturb = Effect.gen(function* () {
        for (let kill = 0; kill < kills; kill++) {
          yield* Effect.sleep(100 + random() * 400)
          if (random() < 0.5)
            emulator.faults.inject({ path: "/api/plugins/*", times: "always", outcome: { type: "Reset", handled: random() < 0.5 } })
          yield* Effect.sleep(random() * 200)
          gateway.program.kill("SIGKILL")
          if (random() < 0.5) emulator.faults.clearFaults()
          gateway = yield* serve
        }
        emulator.faults.clearFaults()
      })

      yield* Effect.all([disturb, ...devices.map((_, n) => write(n))], { concurrency: "unbounded", discard: true })

      const spoolDetail = Effect.promise(async () => {
        const response = await fetch(`${gateway.url}/ready`)
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
    }),
  30_000 + 10_000 * kills
)
