/** What /ready says while ThingsBoard is away, does not accept the gateway's password, and is back. */
import { expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { unlink } from "node:fs/promises"
import { join } from "node:path"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { startProgram } from "../support/program.ts"
import { minimalThingsBoard } from "../support/minimalThingsBoard.ts"
import { makeMovableClock } from "../support/movableClock.ts"
import { apiKey } from "../support/startServe.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

live("a ThingsBoard that does not respond makes the gateway not ready, and it recovers by itself", () =>
  Effect.gen(function* () {
    const { clock, moveForward } = yield* makeMovableClock
    const { call, emulator } = yield* gateway({ clock })
    const ready = Effect.map(call("/ready"), ({ json, status }) => [status, json.dependencies])
    const good = [
      { name: "thingsboard", ok: true, detail: "ThingsBoard responds." },
      { name: "login", ok: true, detail: "Logged in." }
    ]
    expect(yield* ready).toEqual([200, good])

    const calls = () => emulator.faults.calls({ path: "/api/auth/user" }).length
    const before = calls()
    for (let i = 0; i < 20; i++) yield* ready
    expect(calls()).toBe(before)

    emulator.faults.inject({ path: "/api/auth/user", times: "always", outcome: { type: "Status", status: 503 } })
    moveForward("4 seconds")
    expect(yield* ready).toEqual([503, [{ name: "thingsboard", ok: false, detail: "ThingsBoard is not available." }]])
    emulator.faults.clearFaults()
    moveForward("4 seconds")
    expect(yield* ready).toEqual([200, good])
  })
)

live(
  "a rejected password is reported as such, and a corrected TB_PASSWORD_FILE is used without a restart",
  () =>
    Effect.gen(function* () {
      const upstream = yield* minimalThingsBoard()
      const file = join(yield* temporaryFolder("secret"), "password")
      yield* Effect.promise(() => Bun.write(file, "wrong\n"))
      const environment = {
        TB_HOST: upstream.url,
        TB_USERNAME: canaries.username,
        TB_PASSWORD_FILE: file,
        API_KEY: apiKey,
        HOST: "127.0.0.1"
      }
      const program = yield* startProgram(["serve", "--port", "0"], environment)
      const [, url] = yield* program.waitForOutput(/listens on (https?:\/\/[\d.:]+)/)
      yield* program.waitForOutput(/ThingsBoard rejected the username or password/)
      const ready = Effect.promise(() =>
        fetch(`${url}/ready`).then(async (response) => [response.status, ((await response.json()) as any).dependencies])
      )
      expect(yield* ready).toMatchObject([
        503,
        [
          { name: "thingsboard", ok: true },
          { name: "login", ok: false, detail: "ThingsBoard rejected the username or password." }
        ]
      ])
      yield* Effect.promise(() => Bun.write(file, `${canaries.password}\n`))
      yield* program.waitForOutput(/Logged in to ThingsBoard/)
      while ((yield* ready)[0] !== 200) yield* Effect.sleep("100 millis")
      yield* Effect.promise(() => unlink(file)) // the only file that may contain the password
    }),
  120_000
)

live("shows the calls to ThingsBoard that are in flight and that wait", () =>
  Effect.gen(function* () {
    const { call, emulator } = yield* gateway({ settings: { tbMaxConnections: 2, tbMaxQueue: 5 } })
    const calls = Effect.map(call("/ready"), ({ json }) => json.thingsboard_calls)
    expect(yield* calls).toEqual({ in_flight: 0, max_in_flight: 2, waiting: 0, max_waiting: 5, circuit_open: false, paused_users: 0 })
    emulator.faults.inject({ path: "/api/tenant/devices", latencyMillis: 500, times: "always" })
    const reads = yield* Effect.forkChild(
      Effect.forEach([1, 2, 3, 4, 5], (size) => call(`/api/v1/tb/devices?page_size=${size}`), { concurrency: "unbounded" }),
      { startImmediately: true }
    )
    let seen = yield* calls
    while (seen.waiting < 3) seen = yield* calls
    expect(seen).toEqual({ in_flight: 2, max_in_flight: 2, waiting: 3, max_waiting: 5, circuit_open: false, paused_users: 0 })
    for (const { status } of yield* Fiber.join(reads)) expect(status).toBe(200)
    expect(yield* calls).toMatchObject({ in_flight: 0, waiting: 0 })
  })
)
