import { describe, expect } from "bun:test"
import { Cause, Effect, Redacted } from "effect"
import { TestConsole } from "effect/testing"
import * as Logs from "../../src/observability/Logs.ts"
import { effect } from "../support/effectTest.ts"
import { canaries } from "../support/leaks/canaries.ts"

const written = (format: Logs.LogFormat, message: Effect.Effect<void>) =>
  Effect.gen(function* () {
    yield* Effect.provide(message, Logs.makeLogsLayer(format, "Info"))
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

  const hostile = 'x\r\nts=1 level=error message=forged \u001b[31mred\u009b2J\u2028\u202eevil\u0000"\\'

  for (const format of ["json", "logfmt", "pretty"] as const) {
    effect(`cannot be forged or coloured by what is in them (${format})`, () =>
      Effect.gen(function* () {
        const lines = [
          ...(yield* written(format, Effect.logWarning(hostile))),
          ...(yield* written(format, Effect.logWarning("a").pipe(Effect.annotateLogs({ given: hostile })))),
          ...(yield* written(format, Effect.logWarning("b", { given: [hostile, { [hostile]: hostile }] }))),
          ...(yield* written(format, Effect.logWarning("c").pipe(Effect.annotateLogs({ given: "\u001b[2J" }))))
        ]
        for (const line of lines) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
          expect(line).toContain("\\u001b[")
          if (format === "json") expect(JSON.parse(line).level).toBe("warn")
        }
      })
    )
  }

  effect("in JSON mean what was given, escapes and all", () =>
    Effect.gen(function* () {
      const [line] = yield* written("json", Effect.logWarning(hostile, { name: "Süd 😀" }))
      expect(JSON.parse(line!)).toMatchObject({ message: hostile, name: "Süd 😀" })
      expect(line).toContain("Süd 😀")
    })
  )

  effect("of a failure keep its lines apart from those of the log", () =>
    Effect.gen(function* () {
      const cause = Cause.die(new Error("boom\n12:00:00.000 ERROR forged \u001b[31m"))
      const [line] = yield* written("pretty", Effect.logError("Unexpected failure", cause))
      const [, ...more] = line!.split("\n")
      expect(more.length).toBeGreaterThan(1)
      for (const part of more) expect(part).toStartWith("  ")
      expect(line).not.toContain("\u001b")
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
