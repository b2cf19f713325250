/** What a server in this process tells of itself, for the watch: log lines in each form, spans, metrics. */
import { Cause, Context, Effect, Layer, Logger, Metric, References, Tracer } from "effect"
import { SpansLayer } from "../../../src/observability/Observability.ts"
import * as Logs from "../../../src/observability/Logs.ts"
import { checkForLeaks } from "./watch.ts"

const toText = (value: unknown) => (typeof value === "string" ? value : Bun.inspect(value, { depth: 8 }))

/** A span as an exporter writes it: a failure becomes an event with message and stack. */
class WatchedSpan extends Tracer.NativeSpan {
  override end(...[endTime, exit]: Parameters<Tracer.NativeSpan["end"]>) {
    super.end(endTime, exit)
    const attributes = [...this.attributes].map(([key, value]) => `${key}=${toText(value)}`)
    checkForLeaks(
      "span",
      [this.name, ...attributes, toText(this.events), exit._tag === "Failure" ? Cause.pretty(exit.cause) : ""].join("\n")
    )
  }
}

const tracer = Tracer.make({ span: (options) => new WatchedSpan(options) })

const lookAtMetrics = Effect.map(Metric.dump, (text) => checkForLeaks("metric", text))

/** All that is logged, at any level. `lines` are for tests to search; `records` are what LOG_FORMAT=json writes. */
export const captureSignals = () => {
  const lines: Array<string> = []
  const records: Array<Record<string, unknown>> = []
  const forms = [Logs.makeLineLogger("logfmt"), Logs.makeLineLogger("pretty"), Logs.makeLineLogger("pretty", true)]
  const asJson = Logs.makeLineLogger("json")
  const keep = Logger.make((options) => {
    const { cause, fiber, logLevel, message } = options
    lines.push(Bun.inspect({ logLevel, message, cause, annotations: fiber.getRef(References.CurrentLogAnnotations) }, { depth: 8 }))
    const json = asJson.log(options)
    records.push(JSON.parse(json) as Record<string, unknown>)
    for (const line of [lines.at(-1)!, json, ...forms.map((form) => form.log(options))]) checkForLeaks("log", line)
  })
  const layer = Layer.mergeAll(
    Logger.layer([keep]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    SpansLayer,
    Layer.succeed(Tracer.Tracer, tracer),
    Layer.effectDiscard(Effect.addFinalizer(() => lookAtMetrics))
  )
  return { lines, records, layer }
}

/** A span of the watch's own, for tests of the watch. */
export const withCheckedSpan = <A, E, R>(effect: Effect.Effect<A, E, R>, name: string, attributes: Record<string, unknown> = {}) =>
  effect.pipe(Effect.withSpan(name, { attributes }), Effect.provideContext(Context.make(Tracer.Tracer, tracer) as Context.Context<R>))
