import { describe, expect } from "bun:test"
import { Effect, Fiber } from "effect"
import { live } from "../support/it.ts"
import { run } from "../support/program.ts"
import { apiKey, get, serving } from "../support/serving.ts"

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

  live("does not wait for what is in flight when Ctrl+C is pressed twice", () =>
    Effect.gen(function* () {
      const { program, upstream, url } = yield* serving({ delay: 10_000 })
      yield* Effect.forkChild(Effect.exit(get(`${url}/api/v1/tb/devices`)))
      while (!upstream.requests.some(({ path }) => path.startsWith("/api/tenant/device"))) yield* Effect.sleep("10 millis")
      program.kill("SIGINT")
      yield* Effect.sleep("50 millis")
      program.kill("SIGINT")
      expect((yield* program.ended).exitCode).toBe(130)
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
      if (process.platform !== "linux") return
      const { program, url } = yield* serving()
      yield* get(`${url}/api/v1/tb/devices`)
      const status = yield* Effect.promise(() => Bun.file(`/proc/${program.pid}/status`).text())
      const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
      expect(kilobytes).toBeGreaterThan(0)
      expect(kilobytes / 1024).toBeLessThan(100)
    })
  )
})
