import { describe, expect } from "bun:test"
import { Effect, Fiber, Schedule } from "effect"
import { chmod } from "node:fs/promises"
import { certificateAuthority } from "../support/certificates.ts"
import { live } from "../support/effectTest.ts"
import { writeKeyFile } from "../support/keyFile.ts"
import { runProgram } from "../support/program.ts"
import { apiKey, get, startServe } from "../support/startServe.ts"

describe("boardwalk serve", () => {
  live("reports all errors of its configuration at once and does not start", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* runProgram(
        ["serve"],
        { TB_HOST: "canary-host", TB_USERNAME: "u", PORT: "canary-port" },
        { ".env": "TB_TIMEOUT=canary-timeout # seconds" }
      )
      expect(exitCode).toBe(2)
      for (const variable of ["TB_HOST", "TB_PASSWORD", "PORT", "TB_TIMEOUT", "API_KEY"]) expect(stderr).toContain(`  ${variable} `)
      expect(stderr).not.toContain("canary")
      expect(stderr).not.toMatch(/^\s+at /m)
      expect(stdout).toBe("")
    })
  )

  live(
    "reports errors of settings, certificates and keys together",
    () =>
      Effect.gen(function* () {
        const minimal = { TB_HOST: "http://127.0.0.1:9", TB_USERNAME: "u", TB_PASSWORD: "p", API_KEY: apiKey }
        const files = { "broken.json": '{"keys":[{"id":"half"}]}' }
        const invalidVariables = (variables: Record<string, string>) =>
          Effect.map(runProgram(["serve"], { ...minimal, ...variables }, files), ({ exitCode, stderr, stdout }) => {
            expect([exitCode, stdout]).toEqual([2, ""])
            return [...stderr.matchAll(/^  (\w+) /gm)].map(([, variable]) => variable!).toSorted()
          })
        const missing = { TB_CA_FILE: "/nope", TLS_CERT_FILE: "/nope", TLS_KEY_FILE: "/nope" }
        expect(yield* invalidVariables({ ...missing, API_KEYS_FILE: "broken.json" })).toEqual([
          "API_KEYS_FILE",
          "TB_CA_FILE",
          "TLS_CERT_FILE",
          "TLS_KEY_FILE"
        ])
        expect(yield* invalidVariables({ PORT: "x", TB_CA_FILE: "/nope" })).toEqual(["PORT", "TB_CA_FILE"])
        expect(yield* invalidVariables({ TB_TIMEOUT: "x", TLS_CERT_FILE: "/nope", API_KEYS_FILE: "/nope" })).toEqual([
          "API_KEYS_FILE",
          "TB_TIMEOUT",
          "TLS_CERT_FILE",
          "TLS_KEY_FILE"
        ])
        expect(yield* invalidVariables({ API_KEYS_FILE: "broken.json" })).toEqual(["API_KEYS_FILE"])
      }),
    120_000
  )

  live("serves, and finishes requests in flight after SIGTERM", () =>
    Effect.gen(function* () {
      const { program, upstream, url } = yield* startServe({ delay: 700 })
      const response = yield* Effect.forkChild(get(`${url}/api/v1/tb/devices`))
      while (!upstream.requests.some(({ path }) => path.startsWith("/api/tenant/device"))) yield* Effect.sleep("10 millis")
      program.kill("SIGTERM")
      const { status, text } = yield* Fiber.join(response)
      expect(status).toBe(200)
      expect(JSON.parse(text)).toMatchObject({ status: "success", data: [{ name: "Boiler" }] })
      const { exitCode, stdout, stderr } = yield* program.exited
      expect(exitCode).toBe(0)
      expect(stderr).toBe("")
      expect(stdout).not.toContain(apiKey)
      expect(stdout).not.toContain("signature")
    })
  )

  for (const [first, second, expected] of [
    ["SIGINT", "SIGINT", 130],
    ["SIGTERM", "SIGTERM", 143],
    ["SIGTERM", "SIGINT", 130]
  ] as const)
    live(`does not wait for requests in flight when ${second} follows ${first}`, () =>
      Effect.gen(function* () {
        const { program, upstream, url } = yield* startServe({ delay: 10_000 })
        yield* Effect.forkChild(Effect.exit(get(`${url}/api/v1/tb/devices`)))
        while (!upstream.requests.some(({ path }) => path.startsWith("/api/tenant/device"))) yield* Effect.sleep("10 millis")
        program.kill(first)
        yield* program.waitForOutput(/Shutting down/)
        program.kill(second)
        expect((yield* program.exited).exitCode).toBe(expected)
      })
    )

  live("is not ready during DRAIN_DELAY, but accepts requests and asks connections to close", () =>
    Effect.gen(function* () {
      const { program, url } = yield* startServe({}, { DRAIN_DELAY: "60s" })
      const call = (path: string) => Effect.promise(() => fetch(`${url}${path}`, { headers: { "x-api-key": apiKey } }))
      expect((yield* call("/ready")).status).toBe(200)
      program.kill("SIGTERM")
      yield* program.waitForOutput(/Shutting down/)
      const ready = yield* call("/ready")
      expect([ready.status, yield* Effect.promise(() => ready.json())]).toMatchObject([
        503,
        { status: "not ready", dependencies: [{ name: "gateway", ok: false, detail: "The gateway is shutting down." }] }
      ])
      const list = yield* call("/api/v1/tb/devices")
      expect([list.status, list.headers.get("connection")]).toEqual([200, "close"])
      program.kill("SIGTERM")
      expect((yield* program.exited).exitCode).toBe(143)
    })
  )

  live("says how many requests it cut off, and exits with 1", () =>
    Effect.gen(function* () {
      const { program, upstream, url } = yield* startServe({ delay: 60_000 }, { SHUTDOWN_TIMEOUT: "100ms" })
      const response = yield* Effect.forkChild(Effect.exit(get(`${url}/api/v1/tb/devices`)))
      while (!upstream.requests.some(({ path }) => path.startsWith("/api/tenant/device"))) yield* Effect.sleep("10 millis")
      program.kill("SIGTERM")
      const { exitCode, stdout } = yield* program.exited
      expect(exitCode).toBe(1)
      expect(stdout).toMatch(/Requests were cut off[^\n]*"requests":1/)
      yield* Fiber.join(response)
    })
  )

  live("reports in one line that its port is taken", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* startServe()
      const { exitCode, stderr } = yield* runProgram(["serve", "--port", new URL(url).port], environment)
      expect(exitCode).toBe(1)
      expect(stderr.trim().split("\n")).toHaveLength(1)
      expect(stderr).toContain("Cannot listen on 127.0.0.1:")
    })
  )

  live("warns at start about settings that are allowed but unwise", () =>
    Effect.gen(function* () {
      const { program } = yield* startServe({}, { API_KEY: "short" })
      expect(program.output()).toContain("API_KEY is shorter than 16 characters")
      expect(program.output()).not.toContain('"short"')
    })
  )

  live(
    "warns about an expiring certificate, a key file that others can write, and a key without its secret, and still serves",
    () =>
      Effect.gen(function* () {
        const { issue, path } = yield* certificateAuthority()
        yield* issue("one", [], "13")
        const apiKeysFile = yield* writeKeyFile({ lacking: { thingsboard: { api_key: { env: "NO_SUCH_VARIABLE" } } } })
        yield* Effect.promise(() => chmod(apiKeysFile, 0o662))
        const variables = { TLS_CERT_FILE: path("one.pem"), TLS_KEY_FILE: path("one.key"), API_KEYS_FILE: apiKeysFile }
        const { environment, program, url } = yield* startServe({}, variables)
        const warnings = /TLS_CERT_FILE has a certificate that expires on \d{4}-\d\d-\d\d: renew it/
        expect(program.output()).toMatch(warnings)
        expect(program.output()).toContain("API_KEYS_FILE can be written by users other than its owner")
        expect(program.output()).toMatch(/A key cannot be used.*"key_id":"lacking".*NO_SUCH_VARIABLE/)
        const { stdout } = yield* runProgram(["doctor"], { ...environment, PORT: new URL(url).port })
        expect(stdout).toMatch(
          /✔ configuration: no errors; warning: .*TLS_CERT_FILE has a certificate.*; warning: API_KEYS_FILE can be written/
        )
        expect(stdout).toContain("✘ keys: key lacking cannot be used: the variable NO_SUCH_VARIABLE is empty or not set")

        yield* Effect.promise(() => chmod(apiKeysFile, 0o640))
        yield* issue("one", [], "60")
        const quiet = yield* startServe({}, variables)
        expect(quiet.program.output()).not.toMatch(/TLS_CERT_FILE|can be written/)
      }),
    120_000
  )

  live("logs the bound address and a URL that can be opened", () =>
    Effect.gen(function* () {
      const { program, url } = yield* startServe({}, { HOST: "0.0.0.0" })
      expect(url).toStartWith("http://127.0.0.1:")
      expect(program.output()).toContain(`"bound":"0.0.0.0:${new URL(url).port}"`)
      expect((yield* get(`${url}/health`)).status).toBe(200)
    })
  )

  live("explains why it cannot listen on an address", () =>
    Effect.gen(function* () {
      const { environment } = yield* startServe()
      const startError = (HOST: string) =>
        Effect.map(runProgram(["serve", "--port", "0"], { ...environment, HOST }), ({ stderr }) => stderr)
      expect(yield* startError("999.1.1.1")).toContain("HOST must be an address or name of this machine")
      for (const host of ["192.0.2.1", "nobody.invalid"])
        expect(yield* startError(host)).toBe(`boardwalk: Cannot listen on ${host}:0: this machine has no such address or name\n`)
    })
  )

  live("uses less than 100 MB when idle, without OpenTelemetry", () =>
    Effect.gen(function* () {
      if (process.platform !== "linux") return
      const { program, url } = yield* startServe()
      yield* get(`${url}/api/v1/tb/devices`)
      const readMegabytes = Effect.promise(async () => {
        const status = await Bun.file(`/proc/${program.pid}/status`).text()
        return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
      })
      // Right after the start, memory for compiling is still in use; on a busy machine that lasts for a while.
      yield* Effect.repeat(readMegabytes, {
        until: (megabytes) => megabytes < 100,
        schedule: Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: "20 seconds" }))
      })
      const megabytes = yield* readMegabytes
      expect(megabytes).toBeGreaterThan(0)
      expect(megabytes).toBeLessThan(100)
    })
  )
})
