/**
 * Writes logs to the console, one line per message, with the id of the request and the ids of the trace, if there is one.
 * Fields are in snake_case. Plain objects in a message and `Effect.annotateLogs` add fields beside `ts`, `level` and `message`.
 */
import { Cause, Context, Effect, type Fiber, Formatter, Layer, Logger, type LogLevel, Metric, Predicate, References, Tracer } from "effect"
import { Settings } from "../config/Settings.ts"
import { CurrentExchange } from "../platform/Exchange.ts"
import { makeLogOutput, standardOutput } from "../platform/logOutput.ts"
import { isTerminal } from "../platform/Runtime.ts"
import { escapeControls, escapeControlsPerLine } from "./escapeControls.ts"

interface Line {
  readonly ts: string
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

const isPlain = (part: unknown): part is Record<string, unknown> =>
  Predicate.isObject(part) && (Object.getPrototypeOf(part) === Object.prototype || Object.getPrototypeOf(part) === null)

const requestOf = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const exchange = fiber.getRef(CurrentExchange)
  return exchange === undefined ? {} : { request_id: exchange.id }
}

/** Logged even if this gateway exports nothing: the caller may have sent a trace. */
const traceOf = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId }
}

const toLine = ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): Line => {
  const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  const texts = parts.filter((part) => !isPlain(part)).map((part) => (typeof part === "string" ? part : Formatter.format(part)))
  return {
    ts: date.toISOString(),
    level: logLevel.toLowerCase(),
    message: texts.join(" "),
    fields: {
      ...requestOf(fiber),
      ...traceOf(fiber),
      ...fiber.getRef(References.CurrentLogAnnotations),
      ...Object.assign({}, ...parts.filter(isPlain)),
      ...(cause.reasons.length > 0 ? { error: Cause.pretty(cause) } : {})
    }
  }
}

/** JSON escapes only some unprintable characters. The others are escaped the same way, so that the line stays equivalent JSON. */
const json = ({ fields, ...line }: Line) =>
  escapeControls(Formatter.formatJson({ ...line, ...fields, ts: line.ts, level: line.level, message: line.message }))

const toText = (value: unknown) => (Array.isArray(value) || isPlain(value) ? Formatter.formatJson(value) : String(value))

const quote = (value: unknown) => {
  const text = toText(value)
  return /^[^\s"=\\\p{Cc}\p{Cf}\p{Cs}]+$/u.test(text) ? text : escapeControls(JSON.stringify(text))
}

const toPairs = (fields: Readonly<Record<string, unknown>>) => Object.entries(fields).map(([name, value]) => `${name}=${quote(value)}`)

const logfmt = ({ fields, level, message, ts }: Line) =>
  [`ts=${ts}`, `level=${level}`, `message=${quote(message)}`, ...toPairs(fields)].join(" ")

const colors: Record<string, string> = { error: "31", fatal: "31", warn: "33", info: "32", debug: "36", trace: "90" }

const paint = (code: string, text: string, colored: boolean) => (colored ? `\u001b[${code}m${text}\u001b[0m` : text)

const pretty =
  (colored: boolean) =>
  ({ fields: { error, ...fields }, level, message, ts }: Line) =>
    [
      paint("90", ts.slice(11, 23), colored),
      paint(colors[level] ?? "0", level.toUpperCase().padEnd(5), colored),
      escapeControls(message),
      ...toPairs(fields).map((pair) => paint("90", pair, colored)),
      ...(error === undefined ? [] : [`\n  ${escapeControlsPerLine(toText(error))}`])
    ].join(" ")

export type LogFormat = "pretty" | "json" | "logfmt"

/** Makes log lines in this format. */
export const makeLineLogger = (format: LogFormat, colored = false): Logger.Logger<unknown, string> => {
  const print = { json, logfmt, pretty: pretty(colored) }[format]
  return Logger.make((options) => print(toLine(options)))
}

/** Writes log lines to the console. */
export const makeConsoleLogger = (format: LogFormat, colored = false) => Logger.withConsoleLog(makeLineLogger(format, colored))

const makeLoggerLayer = (logger: Logger.Logger<unknown, unknown>, level: LogLevel.LogLevel) =>
  Layer.mergeAll(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, level))

/** Logs to the console, which waits for its reader. */
export const makeLayer = (format: LogFormat, level: LogLevel.LogLevel, colored = false) =>
  makeLoggerLayer(makeConsoleLogger(format, colored), level)

const droppedTotal = Metric.counter("boardwalk_log_lines_dropped_total", {
  description: "Log lines that were dropped because standard output was not read.",
  incremental: true
})

const describeDropped = (format: LogFormat, colored: boolean, lines: number) => {
  const print = { json, logfmt, pretty: pretty(colored) }[format]
  const message = "Log lines are missing here: standard output was not read"
  return print({ ts: new Date().toISOString(), level: "warn", message, fields: { dropped: lines } })
}

/** How long the last lines may take when the gateway stops. */
const drainTime = "1 second"

/** Logs to standard output without waiting for its reader. */
const makeOutputLogger = Effect.fnUntraced(function* (format: LogFormat, colored: boolean) {
  const services = yield* Effect.context<never>()
  const output = yield* Effect.acquireRelease(
    Effect.sync(() =>
      makeLogOutput(standardOutput(), {
        describeDropped: (lines) => describeDropped(format, colored, lines),
        onDrop: () => Effect.runSyncWith(services)(Metric.update(droppedTotal, 1))
      })
    ),
    ({ drain }) => Effect.ignore(Effect.timeout(Effect.interruptible(drain), drainTime))
  )
  return Logger.map(makeLineLogger(format, colored), (line) => output.write(line))
})

/** Configured by LOG_FORMAT and LOG_LEVEL. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Settings
    const terminal = yield* isTerminal
    const logger = yield* makeOutputLogger(settings.logFormat ?? (terminal ? "pretty" : "json"), terminal)
    return makeLoggerLayer(logger, settings.logLevel)
  })
)
