/**
 * Fault injection, and a record of the calls. Tests of a gateway use them to check how it handles failures and how many calls it makes.
 * All methods are synchronous, like the store's. `InjectFaults.ts` applies the faults; `FaultRoutes.ts` offers all this over HTTP.
 */
import { Context, Layer, Schema } from "effect"

/** What the caller gets. Bodies are text. A reset is a TCP RST, without a final chunk. */
export const Outcome = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("Status"),
    status: Schema.Int,
    body: Schema.optionalKey(Schema.String),
    headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  }),
  /** 200 with the content type JSON, and a body that is not JSON: `body`, or a truncated object. */
  Schema.Struct({ type: Schema.Literal("Garbage"), body: Schema.optionalKey(Schema.String) }),
  /** 302. */
  Schema.Struct({ type: Schema.Literal("Redirect"), location: Schema.String }),
  /** The first `bytes` bytes of the normal response, then a reset. */
  Schema.Struct({ type: Schema.Literal("Truncate"), bytes: Schema.Int }),
  /** The first `bytes` bytes of the normal response, then nothing until the caller gives up. */
  Schema.Struct({ type: Schema.Literal("Stall"), bytes: Schema.Int }),
  /** A reset before the first byte. With `handled` after the call was carried out, so that a write is stored. */
  Schema.Struct({ type: Schema.Literal("Reset"), handled: Schema.optionalKey(Schema.Boolean) }),
  /** No response until the caller gives up. */
  Schema.Struct({ type: Schema.Literal("Hang") }),
  /** Invalidates all tokens, then handles the call normally: its own token is already invalid. */
  Schema.Struct({ type: Schema.Literal("RevokeTokens") })
])
export type Outcome = typeof Outcome.Type

/** A fault for the next matching calls. */
export const Fault = Schema.Struct({
  /** Any method by default. */
  method: Schema.optionalKey(Schema.String),
  /** Without the query; `*` matches any text. Any path by default. */
  path: Schema.optionalKey(Schema.String),
  /** How many matching calls come first and are not affected; 0 by default. The fourth write fails with `skip` 3. */
  skip: Schema.optionalKey(Schema.Int),
  /** How many calls are affected; 1 by default. */
  times: Schema.optionalKey(Schema.Union([Schema.Int, Schema.Literal("always")])),
  /** Delay before the outcome or, without one, before the normal response. */
  latencyMillis: Schema.optionalKey(Schema.Int),
  outcome: Schema.optionalKey(Outcome)
})
export type Fault = typeof Fault.Type

export interface Call {
  readonly method: string
  readonly path: string
  /** With its question mark; empty if there is none. */
  readonly query: string
  /** null until a response is sent, and forever if none is; 101 for a WebSocket. */
  readonly status: number | null
}

/** Older calls are dropped. */
const maxCalls = 10_000

interface PendingFault {
  readonly fault: Fault
  readonly matches: (method: string, path: string) => boolean
  skips: number
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
    /** Adds a fault. Each call gets at most one: the oldest that matches. */
    readonly inject: (fault: Fault) => void
    /** Removes all faults. */
    readonly clearFaults: () => void
    /** The fault for a call, if any; counts as used. */
    readonly takeFault: (method: string, path: string) => Fault | undefined
    /** Whether there is a fault for such a call. */
    readonly hasFault: (method: string, path: string) => boolean
    /** Records a call; the returned function records its status. */
    readonly recordCall: (method: string, path: string, query: string) => (status: number) => void
    /** The recorded calls, oldest first, filtered like a fault's calls. */
    readonly calls: (filter?: Pick<Fault, "method" | "path">) => ReadonlyArray<Call>
    readonly clearCalls: () => void
  }
>()("boardwalk/emulator/faults/FaultInjection") {
  static readonly layer = Layer.sync(FaultInjection, () => {
    let pending: ReadonlyArray<PendingFault> = []
    let calls: Array<{ -readonly [Name in keyof Call]: Call[Name] }> = []
    const find = (method: string, path: string) =>
      pending.length === 0 ? undefined : pending.find(({ matches, skips }) => skips === 0 && matches(method, path))
    return FaultInjection.of({
      inject: (fault) => {
        const remaining = fault.times === "always" ? Number.POSITIVE_INFINITY : (fault.times ?? 1)
        if (remaining > 0) pending = [...pending, { fault, matches: compileMatcher(fault), skips: fault.skip ?? 0, remaining }]
      },
      clearFaults: () => {
        pending = []
      },
      takeFault: (method, path) => {
        const found = find(method, path)
        // A skipped call counts for all faults that wait for their own.
        for (const other of pending) if (other.skips > 0 && other.matches(method, path)) other.skips--
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
