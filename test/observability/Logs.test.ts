import { describe, expect } from "bun:test"
import { Cause, Effect, Redacted } from "effect"
import { TestConsole } from "effect/testing"
import * as Logs from "../../src/observability/Logs.ts"
import { effect } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"

const logLines = (format: Logs.LogFormat, message: Effect.Effect<void>) =>
  Effect.gen(function* () {
    yield* Effect.provide(message, Logs.makeLayer(format, "Info"))
    return (yield* TestConsole.logLines).map(String)
  })

const warning = Effect.logWarning("Security event: 401", { tries: 3, key: Redacted.make(canaries.password) }).pipe(
  Effect.annotateLogs({ request_id: "r-1" })
)

describe("log lines", () => {
  effect("are one JSON object each, with annotations and objects as fields", () =>
    Effect.gen(function* () {
      const [line, ...more] = yield* logLines("json", warning)
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

  effect("in logfmt quote values with spaces", () =>
    Effect.gen(function* () {
      expect(yield* logLines("logfmt", warning)).toEqual([
        'ts=1970-01-01T00:00:00.000Z level=warn message="Security event: 401" request_id=r-1 tries=3 key=<redacted>'
      ])
    })
  )

  effect("in the pretty format start with time, level and message", () =>
    Effect.gen(function* () {
      const [line] = yield* logLines("pretty", warning)
      expect(line).toStartWith("00:00:00.000 WARN  Security event: 401 request_id=r-1")
      expect(line).not.toContain("canary")
    })
  )

  const hostile = 'x\r\nts=1 level=error message=forged \u001b[31mred\u009b2J\u2028\u202eevil\u0000"\\'

  for (const format of ["json", "logfmt", "pretty"] as const) {
    effect(`cannot be forged or colored by their content (${format})`, () =>
      Effect.gen(function* () {
        const lines = [
          ...(yield* logLines(format, Effect.logWarning(hostile))),
          ...(yield* logLines(format, Effect.logWarning("a").pipe(Effect.annotateLogs({ value: hostile })))),
          ...(yield* logLines(format, Effect.logWarning("b", { value: [hostile, { [hostile]: hostile }] }))),
          ...(yield* logLines(format, Effect.logWarning("c").pipe(Effect.annotateLogs({ value: "\u001b[2J" }))))
        ]
        for (const line of lines) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
          expect(line).toContain("\\u001b[")
          if (format === "json") expect(JSON.parse(line).level).toBe("warn")
        }
      })
    )
  }

  effect("in JSON decode to the original text", () =>
    Effect.gen(function* () {
      const [line] = yield* logLines("json", Effect.logWarning(hostile, { name: "Süd 😀" }))
      expect(JSON.parse(line!)).toMatchObject({ message: hostile, name: "Süd 😀" })
      expect(line).toContain("Süd 😀")
    })
  )

  effect("indent the lines of a failure, so that they do not look like log lines", () =>
    Effect.gen(function* () {
      const cause = Cause.die(new Error("boom\n12:00:00.000 ERROR forged \u001b[31m"))
      const [line] = yield* logLines("pretty", Effect.logError("Unexpected failure", cause))
      const [, ...more] = line!.split("\n")
      expect(more.length).toBeGreaterThan(1)
      for (const part of more) expect(part).toStartWith("  ")
      expect(line).not.toContain("\u001b")
    })
  )

  effect("include the cause of a failure", () =>
    Effect.gen(function* () {
      const [line] = yield* logLines("json", Effect.logError("Unexpected failure", Cause.die(new Error("boom"))))
      expect(JSON.parse(line!)).toMatchObject({ level: "error", message: "Unexpected failure", error: expect.stringContaining("boom") })
    })
  )

  effect("below the configured level are not written", () =>
    Effect.gen(function* () {
      expect(yield* logLines("json", Effect.logDebug("details"))).toEqual([])
    })
  )
})
