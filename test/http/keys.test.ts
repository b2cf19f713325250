/** Keys of `API_KEYS_FILE`: created by the program, checked for each request, changed while the gateway runs. */
import { expect } from "bun:test"
import { Effect, Redacted, Schedule } from "effect"
import { join } from "node:path"
import { noCustomerId } from "../../src/domain/Ids.ts"
import { createKey } from "../../src/apikeys/KeyFormat.ts"
import { type TestResponse, canaries, gateway } from "../support/gateway.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { live } from "../support/effectTest.ts"
import { runProgram } from "../support/program.ts"

const devices = "/api/v1/tb/devices"

const keysFile = Effect.map(temporaryFolder("keys"), (folder) => join(folder, "keys.json"))

const create = Effect.fnUntraced(function* (file: string, ...args: ReadonlyArray<string>) {
  const { exitCode, stderr, stdout } = yield* runProgram(["keys", "create", "--file", file, ...args])
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  return stdout.trim()
})

const until = (answer: Effect.Effect<TestResponse>, status: number) =>
  answer.pipe(
    Effect.filterOrFail((it) => it.status === status),
    Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 100 })
  )

live("a key has only its scopes, until it expires, and its secret is neither stored nor logged", () =>
  Effect.gen(function* () {
    const file = yield* keysFile
    const reader = yield* create(file, "--name", "Grafana", "--id", "grafana", "--scope", "devices:read", "--rate-limit", "3")
    const expired = yield* create(file, "--name", "Old", "--scope", "devices:read", "--expires", "2099-12-31")
    yield* Effect.promise(async () => Bun.write(file, (await Bun.file(file).text()).replace('"2100-', '"2020-')))
    const it = yield* gateway({ settings: { apiKeysFile: file, apiKey: undefined } })

    expect((yield* it.call(devices, { key: reader })).status).toBe(200)
    const refused = yield* it.call("/api/v1/tb/assets", { key: reader })
    expect([refused.status, refused.json.details]).toEqual([403, { required_scope: "assets:read" }])
    expect((yield* it.call(devices, { key: expired })).status).toBe(401)
    const mistyped = yield* it.call(devices, { key: `${reader}x` })
    expect([mistyped.status, mistyped.json.detail]).toEqual([401, expect.stringContaining("mistyped")])
    const unknown = yield* it.call(devices, { key: createKey((count) => new Uint8Array(count).fill(7)) })
    expect([unknown.status, unknown.json.detail]).toEqual([401, "The key in X-API-Key is not valid."])

    const answers = yield* Effect.forEach([1, 2, 3], () => it.call(devices, { key: reader }))
    expect(answers.at(-1)!.status).toBe(429)

    const stored = yield* Effect.promise(() => Bun.file(file).text())
    for (const secret of [reader, expired]) {
      expect(stored).not.toContain(secret)
      expect(it.logs.join("\n")).not.toContain(secret)
    }
    expect(it.logs.join("\n")).toContain("grafana")
  })
)

live(
  "keys are added and removed while the gateway runs, and an invalid file changes nothing",
  () =>
    Effect.gen(function* () {
      const file = yield* keysFile
      const first = yield* create(file, "--name", "First", "--id", "first", "--scope", "devices:read")
      const it = yield* gateway({ settings: { apiKeysFile: file, apiKey: Redacted.make(canaries.otherApiKey) } })
      expect((yield* it.call(devices, { key: first })).status).toBe(200)

      const second = yield* create(file, "--name", "Second", "--scope", "devices:read")
      yield* until(it.call(devices, { key: second }), 200)
      expect((yield* runProgram(["keys", "revoke", "--file", file, "first"])).exitCode).toBe(0)
      yield* until(it.call(devices, { key: first }), 401)

      const fileLine = Effect.map(it.call("/ready", { key: null }), ({ json, status }) => [
        status,
        json.dependencies.find(({ name }: { readonly name: string }) => name === "keys")
      ])
      expect(yield* fileLine).toEqual([200, { name: "keys", ok: true, detail: "The key file is loaded." }])
      yield* Effect.promise(() => Bun.write(file, '{"keys":[{"id":"half"'))
      yield* Effect.sync(() => it.logs.some((line) => line.includes("API_KEYS_FILE is invalid"))).pipe(
        Effect.filterOrFail((told) => told),
        Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 100 })
      )
      expect((yield* it.call(devices, { key: second })).status).toBe(200)
      expect(yield* fileLine).toEqual([
        200,
        { name: "keys", ok: true, detail: "The key file is invalid: the keys loaded before stay in use." }
      ])
    }),
  120_000
)

live("a gateway does not start with an unknown or empty restriction", () =>
  Effect.gen(function* () {
    const file = yield* keysFile
    yield* create(file, "--name", "First", "--scope", "devices:read", "--device-type", "sensor")
    const document = yield* Effect.promise(() => Bun.file(file).json())
    expect(document.keys[0].devices).toEqual({ types: ["sensor"] })
    const wrong = [
      { assets: [] },
      { types: ["sensor"], floor: 2 },
      {},
      { ids: ["*"] },
      { customer: "../x" },
      { customer: noCustomerId },
      null
    ]
    for (const devices of wrong) {
      document.keys[0].devices = devices
      yield* Effect.promise(() => Bun.write(file, JSON.stringify(document)))
      const started = yield* Effect.exit(gateway({ settings: { apiKeysFile: file } }))
      expect([devices, started._tag]).toEqual([devices, "Failure"])
      expect(Bun.inspect(started)).toContain("devices")
    }
  })
)
