/** Captures the logs (in every format), spans and metrics of a server in this process, and checks them for leaks. */
import { Cause, Context, Effect, Layer, Logger, Metric, References, Tracer } from "effect"
import { SpansLayer } from "../../../src/observability/Observability.ts"
import * as Logs from "../../../src/observability/Logs.ts"
import { checkForLeaks } from "./watch.ts"

const toText = (value: unknown) => (typeof value === "string" ? value : Bun.inspect(value, { depth: 8 }))

/** Checks a span as an exporter would write it: a failure becomes an event with message and stack. */
class CheckedSpan extends Tracer.NativeSpan {
  override end(...[endTime, exit]: Parameters<Tracer.NativeSpan["end"]>) {
    super.end(endTime, exit)
    const attributes = [...this.attributes].map(([key, value]) => `${key}=${toText(value)}`)
    checkForLeaks(
      "span",
      [this.name, ...attributes, toText(this.events), exit._tag === "Failure" ? Cause.pretty(exit.cause) : ""].join("\n")
    )
  }
}

const tracer = Tracer.make({ span: (options) => new CheckedSpan(options) })

const checkMetricsForLeaks = Effect.map(Metric.dump, (text) => checkForLeaks("metric", text))

/** Captures logs of all levels. `lines` are for searching; `records` are the objects that LOG_FORMAT=json writes. */
export const captureSignals = () => {
  const lines: Array<string> = []
  const records: Array<Record<string, unknown>> = []
  const otherFormats = [Logs.makeLineLogger("logfmt"), Logs.makeLineLogger("pretty"), Logs.makeLineLogger("pretty", true)]
  const jsonFormat = Logs.makeLineLogger("json")
  const capture = Logger.make((options) => {
    const { cause, fiber, logLevel, message } = options
    lines.push(Bun.inspect({ logLevel, message, cause, annotations: fiber.getRef(References.CurrentLogAnnotations) }, { depth: 8 }))
    const json = jsonFormat.log(options)
    records.push(JSON.parse(json) as Record<string, unknown>)
    for (const line of [lines.at(-1)!, json, ...otherFormats.map((format) => format.log(options))]) checkForLeaks("log", line)
  })
  const layer = Layer.mergeAll(
    Logger.layer([capture]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    SpansLayer,
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.effectDiscard(Effect.addFinalizer(() => checkMetricsForLeaks))
  )
  return { lines, records, layer }
}

/** Runs the effect in a span that is checked for leaks, for tests of the leak check. */
export const withCheckedSpan = <A, E, R>(effect: Effect.Effect<A, E, R>, name: string, attributes: Record<string, unknown> = {}) =>
  effect.pipe(Effect.withSpan(name, { attributes }), Effect.provideContext(Context.make(Tracer.Tracer, tracer) as Context.Context<R>))
