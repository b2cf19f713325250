import { expect } from "bun:test"
import { Effect, Tracer } from "effect"
import { withServiceSpan } from "../../src/platform/tracing.ts"
import { effect } from "../support/effectTest.ts"

const currentSpan = Effect.map(Effect.option(Effect.currentSpan), (span) => (span._tag === "Some" ? span.value.name : undefined))
const method = currentSpan.pipe(withServiceSpan("Devices.list"))

effect("a service method has no span while nothing records spans", () =>
  Effect.gen(function* () {
    expect(yield* method).toBeUndefined()
  })
)

effect("it has a span with its name when a tracer is installed, and none in a request that is not traced", () =>
  Effect.gen(function* () {
    const tracer = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })
    expect(yield* Effect.withTracer(method, tracer)).toBe("Devices.list")
    expect(yield* method.pipe(Effect.withTracer(tracer), Effect.withTracerEnabled(false))).toBeUndefined()
  })
)
