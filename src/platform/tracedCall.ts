import { Effect, Tracer } from "effect"

const traceparentOf = (span: Tracer.AnySpan) => ({ traceparent: `00-${span.traceId}-${span.spanId}-${span.sampled ? "01" : "00"}` })

/**
 * Makes a call to another server with the headers that carry the trace on. A span of kind `client` is made only when something
 * records it: Effect's native tracer exports nothing, so without another one the caller's own trace is passed on and that is all.
 */
export const tracedCall = <A, E, R>(
  name: string,
  attributes: () => Record<string, string | number>,
  call: (headers: Record<string, string>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const { span, tracer } = fiber.cache
    if (tracer === undefined || tracer === Tracer.nativeTracer) return call(span === undefined ? {} : traceparentOf(span))
    return Effect.useSpan(name, { kind: "client", attributes: attributes() }, (own) => call(traceparentOf(own)))
  })
