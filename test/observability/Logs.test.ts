import { describe, expect } from "bun:test"
import { Cause, Effect, Redacted } from "effect"
import { TestConsole } from "effect/testing"
import * as Logs from "../../src/observability/Logs.ts"
import { effect } from "../support/it.ts"
import { canaries } from "../support/leaks/canaries.ts"

const written = (format: Logs.LogFormat, message: Effect.Effect<void>) =>
  Effect.gen(function* () {
    yield* Effect.provide(message, Logs.layerOf(format, "Info"))
    return (yield* TestConsole.logLines).map(String)
  })

const told = Effect.logWarning("Security event: 401", { tries: 3, key: Redacted.make(canaries.password) }).pipe(
  Effect.annotateLogs({ request_id: "r-1" })
)

describe("log lines", () => {
  effect("are one JSON object each, with annotations and objects as fields", () =>
    Effect.gen(function* () {
      const [line, ...more] = yield* written("json", told)
      expect(more).toEqual([])
      expect(JSON.parse(line!)).toEqual({
        ts: "1970-01-01T00:00:00.000Z",
        level: "warn",
        message: "Security event: 401",
        request_id: "r-1",
        tries: 3,
        key: "<redacted>"
      })
    })
  )

  effect("as logfmt quote what has blanks", () =>
    Effect.gen(function* () {
      expect(yield* written("logfmt", told)).toEqual([
        'ts=1970-01-01T00:00:00.000Z level=warn message="Security event: 401" request_id=r-1 tries=3 key=<redacted>'
      ])
    })
  )

  effect("for people start with time, level and message", () =>
    Effect.gen(function* () {
      const [line] = yield* written("pretty", told)
      expect(line).toStartWith("00:00:00.000 WARN  Security event: 401 request_id=r-1")
      expect(line).not.toContain("canary")
    })
  )

  effect("tell of a failure with its cause", () =>
    Effect.gen(function* () {
      const [line] = yield* written("json", Effect.logError("Unexpected failure", Cause.die(new Error("boom"))))
      expect(JSON.parse(line!)).toMatchObject({ level: "error", message: "Unexpected failure", error: expect.stringContaining("boom") })
    })
  )

  effect("below the level are not written", () =>
    Effect.gen(function* () {
      expect(yield* written("json", Effect.logDebug("details"))).toEqual([])
    })
  )
})
