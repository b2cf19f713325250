/**
 * Trouble to order, and a record of the calls that came in, so that a gateway's tests can see what it does about the one and with how
 * many of the other. Methods are synchronous, as the store's are.
 *
 * Programs in another process order it over HTTP: see `faultRoutes.ts`.
 */
import { Context, Layer, Schema } from "effect"

/** Bytes are counted, and bodies are text. Connections are reset by RST, without a last chunk. */
export const Outcome = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("Status"),
    status: Schema.Int,
    body: Schema.optionalKey(Schema.String),
    headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  }),
  /** 200 and no JSON, or the body given. */
  Schema.Struct({ type: Schema.Literal("Garbage"), body: Schema.optionalKey(Schema.String) }),
  /** 302 */
  Schema.Struct({ type: Schema.Literal("Redirect"), location: Schema.String }),
  /** The first bytes of the true answer, then a reset. */
  Schema.Struct({ type: Schema.Literal("Truncate"), bytes: Schema.Int }),
  /** A reset before the first byte. */
  Schema.Struct({ type: Schema.Literal("Reset") }),
  /** No answer, until the caller gives up. */
  Schema.Struct({ type: Schema.Literal("Hang") }),
  /** All tokens are void from here on; the call itself is answered with that in mind. */
  Schema.Struct({ type: Schema.Literal("RevokeTokens") })
])
export type Outcome = typeof Outcome.Type

export const Fault = Schema.Struct({
  /** Any method unless told. */
  method: Schema.optionalKey(Schema.String),
  /** Without the query; `*` stands for anything. Any path unless told. */
  path: Schema.optionalKey(Schema.String),
  /** How many calls it befalls; 1 unless told. */
  times: Schema.optionalKey(Schema.Union([Schema.Int, Schema.Literal("always")])),
  /** How long to wait before what follows; with nothing to follow, before the true answer. */
  latencyMillis: Schema.optionalKey(Schema.Int),
  outcome: Schema.optionalKey(Outcome)
})
export type Fault = typeof Fault.Type

export interface Call {
  readonly method: string
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
  /** null while there is no answer, and for ever when none was sent; 101 for a WebSocket. */
  readonly status: number | null
}

/** Only the newest are kept. */
const maxCalls = 10_000

interface PendingFault {
  readonly fault: Fault
  readonly matches: (method: string, path: string) => boolean
  remaining: number
}

const toPattern = (path: string) => new RegExp(`^${path.split("*").map(RegExp.escape).join(".*")}$`)

const compileMatcher = ({ method, path = "*" }: Pick<Fault, "method" | "path">) => {
  const pattern = toPattern(path)
  return (callMethod: string, callPath: string) => (method === undefined || method === callMethod) && pattern.test(callPath)
}

export class FaultInjection extends Context.Service<
  FaultInjection,
  {
    /** Faults befall calls in the order in which they were ordered, one fault a call. */
    readonly inject: (fault: Fault) => void
    /** Takes back all that was ordered. */
    readonly clearFaults: () => void
    /** What shall befall a call, counted as having befallen it. */
    readonly takeFault: (method: string, path: string) => Fault | undefined
    /** Whether a fault waits for such a call. */
    readonly hasFault: (method: string, path: string) => boolean
    /** Notes a call; what is given back notes its answer. */
    readonly recordCall: (method: string, path: string, query: string) => (status: number) => void
    /** The calls since the last reset, the oldest first, of some method and path when told (with `*`, as faults have them). */
    readonly calls: (filter?: Pick<Fault, "method" | "path">) => ReadonlyArray<Call>
    readonly clearCalls: () => void
  }
>()("boardwalk/emulator/faults/FaultInjection") {
  static readonly layer = Layer.sync(FaultInjection, () => {
    let pending: ReadonlyArray<PendingFault> = []
    let calls: Array<{ -readonly [Name in keyof Call]: Call[Name] }> = []
    const find = (method: string, path: string) => (pending.length === 0 ? undefined : pending.find(({ matches }) => matches(method, path)))
    return FaultInjection.of({
      inject: (fault) => {
        const remaining = fault.times === "always" ? Number.POSITIVE_INFINITY : (fault.times ?? 1)
        if (remaining > 0) pending = [...pending, { fault, matches: compileMatcher(fault), remaining: remaining }]
      },
      clearFaults: () => {
        pending = []
      },
      takeFault: (method, path) => {
        const found = find(method, path)
        if (found === undefined) return undefined
        found.remaining--
        if (found.remaining === 0) pending = pending.filter((other) => other !== found)
        return found.fault
      },
      hasFault: (method, path) => find(method, path) !== undefined,
      recordCall: (method, path, query) => {
        if (calls.length >= 2 * maxCalls) calls = calls.slice(-maxCalls)
        const call: (typeof calls)[number] = { method, path, query, status: null }
        calls.push(call)
        return (status) => {
          call.status = status
        }
      },
      calls: (filter) => {
        const kept = calls.slice(-maxCalls)
        if (filter === undefined) return kept
        const matches = compileMatcher(filter)
        return kept.filter(({ method, path }) => matches(method, path))
      },
      clearCalls: () => {
        calls = []
      }
    })
  })
}
