/**
 * What is written to the console: one line a message, with the request's id and, where there is a trace, its ids.
 * Fields are snake_case; those of a message's plain objects and of `Effect.annotateLogs` stand beside `ts`, `level` and `message`.
 */
import { Cause, Context, Effect, type Fiber, Formatter, Layer, Logger, type LogLevel, Predicate, References, Tracer } from "effect"
import { Settings } from "../config/Settings.ts"
import { CurrentExchange } from "../platform/BunHttpServer.ts"
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

/** The caller's trace counts also when nothing is exported from here. */
const traceOf = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId }
}

const toLine = ({ cause, date, fiber, logLevel, message }: Logger.Options<unknown>): Line => {
  const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  const words = parts.filter((part) => !isPlain(part)).map((part) => (typeof part === "string" ? part : Formatter.format(part)))
  return {
    ts: date.toISOString(),
    level: logLevel.toLowerCase(),
    message: words.join(" "),
    fields: {
      ...requestOf(fiber),
      ...traceOf(fiber),
      ...fiber.getRef(References.CurrentLogAnnotations),
      ...Object.assign({}, ...parts.filter(isPlain)),
      ...(cause.reasons.length > 0 ? { error: Cause.pretty(cause) } : {})
    }
  }
}

/** JSON escapes some of what is not printable; the rest is escaped in the same form, so that the line means the same. */
const json = ({ fields, ...line }: Line) =>
  escapeControls(Formatter.formatJson({ ...line, ...fields, ts: line.ts, level: line.level, message: line.message }))

const asText = (value: unknown) => (Array.isArray(value) || isPlain(value) ? Formatter.formatJson(value) : String(value))

const quoted = (value: unknown) => {
  const text = asText(value)
  return /^[^\s"=\\\p{Cc}\p{Cf}\p{Cs}]+$/u.test(text) ? text : escapeControls(JSON.stringify(text))
}

const pairs = (fields: Readonly<Record<string, unknown>>) => Object.entries(fields).map(([name, value]) => `${name}=${quoted(value)}`)

const logfmt = ({ fields, level, message, ts }: Line) =>
  [`ts=${ts}`, `level=${level}`, `message=${quoted(message)}`, ...pairs(fields)].join(" ")

const colours: Record<string, string> = { error: "31", fatal: "31", warn: "33", info: "32", debug: "36", trace: "90" }

const paint = (code: string, text: string, coloured: boolean) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)

const pretty =
  (coloured: boolean) =>
  ({ fields: { error, ...fields }, level, message, ts }: Line) =>
    [
      paint("90", ts.slice(11, 23), coloured),
      paint(colours[level] ?? "0", level.toUpperCase().padEnd(5), coloured),
      escapeControls(message),
      ...pairs(fields).map((pair) => paint("90", pair, coloured)),
      ...(error === undefined ? [] : [`\n  ${escapeControlsPerLine(asText(error))}`])
    ].join(" ")

export type LogFormat = "pretty" | "json" | "logfmt"

/** Makes lines of that form. */
export const makeLineLogger = (format: LogFormat, coloured = false): Logger.Logger<unknown, string> => {
  const print = { json, logfmt, pretty: pretty(coloured) }[format]
  return Logger.make((options) => print(toLine(options)))
}

/** Writes them to the console. */
export const makeConsoleLogger = (format: LogFormat, coloured = false) => Logger.withConsoleLog(makeLineLogger(format, coloured))

export const makeLogsLayer = (format: LogFormat, level: LogLevel.LogLevel, coloured = false) =>
  Layer.mergeAll(Logger.layer([makeConsoleLogger(format, coloured)]), Layer.succeed(References.MinimumLogLevel, level))

/** As LOG_FORMAT and LOG_LEVEL say. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Settings
    const terminal = yield* isTerminal
    return makeLogsLayer(settings.logFormat ?? (terminal ? "pretty" : "json"), settings.logLevel, terminal)
  })
)
