import { describe, expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { live } from "../support/it.ts"
import { run, start } from "../support/program.ts"
import { tinyThingsBoard } from "../support/TinyThingsBoard.ts"

const apiKey = "canary-key-0123456789"

const serving = Effect.fnUntraced(function* (options: { readonly delay?: number } = {}, extra: Record<string, string> = {}) {
  const upstream = yield* tinyThingsBoard(options)
  const environment = { TB_HOST: upstream.url, TB_USERNAME: "tenant@thingsboard.org", TB_PASSWORD: "tenant", API_KEY: apiKey, HOST: "127.0.0.1", ...extra }
  const program = yield* start(["serve", "--port", "0"], environment)
  const [, url] = yield* program.says(/listens on (http:\/\/[\d.:]+)/)
  return { program, upstream, environment, url: url! }
})

const get = (url: string, headers: Record<string, string> = { "x-api-key": apiKey }) =>
  Effect.promise(async () => {
    const response = await fetch(url, { headers })
    return { status: response.status, text: await response.text() }
  })

describe("boardwalk serve", () => {
  live("tells all faults of its configuration at once and does not start", () =>
    Effect.gen(function* () {
      const { exitCode, stderr, stdout } = yield* run(
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

  live("serves, and finishes what is in flight when it is told to stop", () =>
    Effect.gen(function* () {
      const { program, upstream, url } = yield* serving({ delay: 700 })
      const answer = yield* Effect.forkChild(get(`${url}/api/v1/tb/devices`))
      while (!upstream.requests.some(({ path }) => path.startsWith("/api/tenant/device"))) yield* Effect.sleep("10 millis")
      program.kill("SIGTERM")
      const { status, text } = yield* Fiber.join(answer)
      expect(status).toBe(200)
      expect(JSON.parse(text)).toMatchObject({ status: "success", data: [{ name: "Boiler" }] })
      const { exitCode, stdout, stderr } = yield* program.ended
      expect(exitCode).toBe(0)
      expect(stderr).toBe("")
      expect(stdout).not.toContain(apiKey)
      expect(stdout).not.toContain("signature")
    })
  )

  live("says in one line that its port is taken", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* serving()
      const { exitCode, stderr } = yield* run(["serve", "--port", new URL(url).port], environment)
      expect(exitCode).toBe(1)
      expect(stderr.trim().split("\n")).toHaveLength(1)
      expect(stderr).toContain("Cannot listen on 127.0.0.1:")
    })
  )

  live("warns at start of what is allowed but unwise", () =>
    Effect.gen(function* () {
      const { program } = yield* serving({}, { API_KEY: "short" })
      expect(program.output()).toContain("API_KEY is shorter than 16 characters")
      expect(program.output()).not.toContain('"short"')
    })
  )

  live("idles below 100 MB, with nothing of OpenTelemetry loaded", () =>
    Effect.gen(function* () {
      const { program, url } = yield* serving()
      yield* get(`${url}/api/v1/tb/devices`)
      const status = yield* Effect.promise(() => Bun.file(`/proc/${program.pid}/status`).text())
      const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
      expect(kilobytes).toBeGreaterThan(0)
      expect(kilobytes / 1024).toBeLessThan(100)
    })
  )
})

describe("boardwalk ready", () => {
  live("asks the gateway of the same configuration", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* serving()
      const { port } = new URL(url)
      expect(yield* run(["ready"], { ...environment, PORT: port })).toMatchObject({ exitCode: 0, stdout: "ready\n" })
      expect(yield* run(["ready", "--live", "--url", url])).toMatchObject({ exitCode: 0, stdout: "running\n" })
    })
  )

  live("tells what is wrong when it is not ready", () =>
    Effect.gen(function* () {
      const { url } = yield* serving({}, { TB_PASSWORD: "canary-password" })
      const { exitCode, stderr } = yield* run(["ready", "--url", url])
      expect(exitCode).toBe(1)
      expect(stderr).toContain("answered 503. thingsboard:")
      expect(stderr).not.toContain("canary")
      expect((yield* run(["ready", "--live", "--url", url])).exitCode).toBe(0)
    })
  )

  live("is 1 when nothing runs", () =>
    Effect.gen(function* () {
      expect(yield* run(["ready", "--url", "http://127.0.0.1:9"])).toMatchObject({
        exitCode: 1,
        stderr: "boardwalk: No answer from http://127.0.0.1:9/ready.\n"
      })
    })
  )
})

describe("boardwalk doctor", () => {
  const doctor = (environment: Record<string, string>, ...flags: ReadonlyArray<string>) => run(["doctor", ...flags], environment)

  live("finds everything in order, its own endpoints included", () =>
    Effect.gen(function* () {
      const { environment, url } = yield* serving()
      const { exitCode, stdout } = yield* doctor({ ...environment, PORT: new URL(url).port }, "--write")
      expect(stdout.trim().split("\n")).toEqual([
        "✔ configuration: no faults",
        `✔ ThingsBoard reachable: ${environment.TB_HOST}`,
        "✔ login: as a tenant administrator",
        "✔ devices: one device",
        "✔ point written and read back: boardwalk_doctor of Boiler",
        `✔ own endpoints: ${url}`
      ])
      expect(exitCode).toBe(0)
    })
  )

  live("stops at what is wrong and says what to do", () =>
    Effect.gen(function* () {
      const upstream = yield* tinyThingsBoard()
      const { exitCode, stdout } = yield* doctor(
        { TB_HOST: upstream.url, TB_USERNAME: "u", TB_PASSWORD: "canary-password", API_KEY: apiKey, PORT: "9" },
        "--json"
      )
      const { checks, healthy } = JSON.parse(stdout) as { healthy: boolean; checks: ReadonlyArray<Record<string, string>> }
      expect(exitCode).toBe(1)
      expect(healthy).toBe(false)
      expect(checks.map(({ check, status }) => `${check}: ${status}`)).toEqual([
        "configuration: ok",
        "ThingsBoard reachable: ok",
        "login: failed",
        "devices: skipped",
        "point written and read back: skipped",
        "own endpoints: skipped"
      ])
      expect(checks[2]?.hint).toContain("TB_PASSWORD")
      expect(stdout).not.toContain("canary")
      expect(stdout).not.toContain("Invalid username or password")
    })
  )
})

describe("boardwalk config", () => {
  live("shows what is in effect without secrets", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* run(
        ["config", "show"],
        { API_KEY: apiKey, TB_USERNAME: "u", TB_PASSWORD: "canary-password" },
        { ".env": "PORT=9000  # from the file" }
      )
      expect(exitCode).toBe(0)
      expect(stdout).toMatch(/^PORT +9000 +\.env$/m)
      expect(stdout).toMatch(/^API_KEY +\(hidden\) +environment$/m)
      expect(stdout).not.toContain("canary")
    })
  )

  live("gives a sample that can be redirected to .env", () =>
    Effect.gen(function* () {
      const sample = yield* Effect.promise(() => Bun.file(new URL("../../.env.sample", import.meta.url)).text())
      expect(yield* run(["config", "sample"])).toMatchObject({ exitCode: 0, stdout: sample, stderr: "" })
    })
  )
})

describe("boardwalk", () => {
  live("answers wrong use with help and exit code 2", () =>
    Effect.gen(function* () {
      const { exitCode, stderr } = yield* run(["serv"])
      expect(exitCode).toBe(2)
      expect(stderr).toContain("serve")
    })
  )

  live("prints the contract without a configuration", () =>
    Effect.gen(function* () {
      const { exitCode, stdout } = yield* run(["openapi"])
      expect(exitCode).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ openapi: "3.1.0", info: { title: "Boardwalk" } })
    })
  )
})
