/**
 * Spans that cost nothing while nobody records them. Effect's native tracer, which is used unless an `OTEL_*` variable configures another
 * one, makes spans that are exported nowhere; on a hot read they would cost more than the rest of the service.
 */
import { Effect, type Fiber, Tracer } from "effect"

/** Whether somebody records the spans of a tracer. */
export const isRecording = (tracer: Tracer.Tracer | undefined): boolean => tracer !== undefined && tracer !== Tracer.nativeTracer

/** Whether spans of this fiber are recorded. */
export const isTraced = ({ cache }: Fiber.Fiber<unknown, unknown>): boolean => cache.tracerEnabled && isRecording(cache.tracer)

/**
 * The span of a service method. The rule for all services: every method that HTTP handlers call and that calls ThingsBoard has one, named
 * `Service.method`. Methods that only other services call (`DeviceAccess`, `History`, `Aggregates`, `Ingest.store`,
 * `Telemetry.keysOfVisibleDevice`) and helpers have none: they run inside the span of the method that was called, and each call to
 * ThingsBoard has a span of its own. A method that returns a stream has a span until the stream is open. `Effect.fn("name")` is not used
 * for this, since it makes a span and captures a stack even if nothing is recorded: measured 1.8 µs per call, against 0.1 µs here.
 */
export const withServiceSpan =
  (name: string) =>
  <A, E, R>(method: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => (isTraced(fiber) ? Effect.withSpan(method, name) : method))
