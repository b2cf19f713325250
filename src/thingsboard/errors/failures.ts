/**
 * What each kind of failure of ThingsBoard means: what the caller gets, and whether the call may be repeated. The only place that says
 * so: reads, writes, uploads, imports, streams and the transport all read this table.
 */
import type { Reason, ThingsBoardError } from "./ThingsBoardError.ts"

/**
 * - `nothing`: ThingsBoard has not carried out the call.
 * - `rejected`: ThingsBoard does not accept what the call contains, so that none of a write is stored.
 * - `failed`: ThingsBoard failed (500). That can be due to the call, and parts of a write may be stored.
 * - `unknown`: the call may have been carried out, in whole or in part.
 */
export type Effects = "nothing" | "rejected" | "failed" | "unknown"

/** What the gateway itself had too little of: memory for the response, or calls to ThingsBoard that may wait. */
export type Shortage = "response_memory" | "queue"

/** The problem that the caller gets; it implies the HTTP status (502, 504 or 503). */
type Problem =
  | { readonly code: "UPSTREAM_ERROR" | "UPSTREAM_TIMEOUT" | "UPSTREAM_UNAVAILABLE" }
  /** No failure of ThingsBoard, but the gateway's own. */
  | { readonly code: "OVERLOADED"; readonly shortage: Shortage }

export type Failure = Problem & {
  /** Seconds after which the caller may try again, for `Retry-After`. */
  readonly retryAfter?: number
  /** One or more sentences for the caller. */
  readonly detail: string
  /** How much of the call ThingsBoard carried out. */
  readonly effects: Effects
  /** Whether the same call may succeed within seconds: streams and imports then try for some time. */
  readonly isTransient: boolean
  /** Whether the transport sends the call again at once, within its deadline. */
  readonly isResent: boolean
  /** Whether ThingsBoard is away or overloaded, so that an older response helps (STALE_IF_ERROR). */
  readonly allowsStale?: boolean
  /** Whether it says that ThingsBoard as a whole does not work: the circuit breaker counts these. */
  readonly isOutage?: boolean
}

type Kind =
  | Exclude<Reason["_tag"], "Unavailable">
  | "Failed"
  | "RequestTimeout"
  | "Late"
  | "Unresolved"
  | "Refused"
  | "Broken"
  | "Unsent"
  | "Certificate"
  | "Redirect"
  | "Status"

const failed = { code: "UPSTREAM_ERROR", isTransient: false, isResent: false } as const
const unavailable = { code: "UPSTREAM_UNAVAILABLE", isTransient: true } as const
const unusable = "ThingsBoard returned a response that the gateway cannot use."
const unreachable = {
  ...unavailable,
  allowsStale: true,
  isOutage: true,
  retryAfter: 5,
  detail: "ThingsBoard is not reachable at the moment."
} as const

export const failures: { readonly [_ in Kind]: Failure } = {
  NotFound: { ...failed, effects: "rejected", detail: unusable },
  Forbidden: { ...failed, effects: "rejected", detail: unusable },
  Rejected: { ...failed, effects: "rejected", detail: unusable },
  Conflict: { ...failed, effects: "rejected", detail: unusable },
  TooLarge: { ...failed, effects: "rejected", detail: "ThingsBoard rejected the amount of data in one call." },
  Failed: { ...failed, allowsStale: true, effects: "failed", isTransient: true, detail: "ThingsBoard failed." },
  InvalidResponse: { ...failed, allowsStale: true, effects: "unknown", isTransient: true, detail: unusable },
  ResponseTooLarge: { ...failed, effects: "unknown", detail: "ThingsBoard's response is too large (TB_MAX_RESPONSE_SIZE)." },
  Unsupported: {
    ...failed,
    effects: "nothing",
    detail: "This release of ThingsBoard cannot read keys with commas (4.3.1.1 and later can)."
  },
  Redirect: {
    ...failed,
    effects: "nothing",
    isTransient: true,
    detail: "ThingsBoard's address redirects elsewhere, which is not followed; the operator must check TB_HOST."
  },
  Timeout: {
    code: "UPSTREAM_TIMEOUT",
    allowsStale: true,
    isOutage: true,
    effects: "unknown",
    isTransient: true,
    isResent: false,
    detail: "ThingsBoard did not respond in time (TB_TIMEOUT)."
  },
  RequestTimeout: {
    code: "UPSTREAM_TIMEOUT",
    allowsStale: true,
    effects: "unknown",
    isTransient: false,
    isResent: false,
    detail: "ThingsBoard did not respond within the time for this request (REQUEST_TIMEOUT, or Prefer: wait)."
  },
  Late: {
    code: "UPSTREAM_TIMEOUT",
    effects: "nothing",
    isTransient: false,
    isResent: false,
    detail: "The time for this request was over before all calls to ThingsBoard were made (REQUEST_TIMEOUT, or Prefer: wait)."
  },
  Refused: { ...unreachable, effects: "nothing", isResent: true },
  Unsent: { ...unreachable, effects: "nothing", isResent: true },
  Broken: { ...unreachable, effects: "unknown", isResent: true },
  Status: { ...unreachable, effects: "unknown", isResent: true },
  Unresolved: { ...unreachable, effects: "nothing", isResent: false },
  Certificate: { ...unreachable, effects: "nothing", isResent: false },
  RateLimited: {
    ...unavailable,
    retryAfter: 10,
    effects: "nothing",
    isResent: true,
    detail: "ThingsBoard's own rate limit is exceeded."
  },
  RateLimitPaused: {
    ...unavailable,
    retryAfter: 5,
    effects: "nothing",
    isResent: false,
    detail: "ThingsBoard's own rate limit is exceeded, so the gateway pauses before it calls it again for this user."
  },
  LoginRefused: {
    ...unavailable,
    retryAfter: 30,
    effects: "nothing",
    isTransient: false,
    isResent: false,
    detail: "ThingsBoard does not accept the gateway's credentials; the operator must check them."
  },
  QueueFull: {
    code: "OVERLOADED",
    shortage: "queue",
    allowsStale: true,
    retryAfter: 5,
    effects: "nothing",
    isTransient: true,
    isResent: false,
    detail: "Too many calls to ThingsBoard are waiting (TB_MAX_CONNECTIONS, TB_MAX_QUEUE): try again in 5 s."
  },
  CircuitOpen: {
    ...unavailable,
    allowsStale: true,
    retryAfter: 5,
    effects: "nothing",
    isResent: false,
    detail: "ThingsBoard has failed too often, so the gateway pauses before it calls it again."
  },
  OutOfMemory: {
    code: "OVERLOADED",
    shortage: "response_memory",
    retryAfter: 5,
    effects: "unknown",
    isTransient: false,
    isResent: false,
    detail:
      "The gateway has no memory for ThingsBoard's response at the moment (MAX_RESPONSE_MEMORY): try again in 5 s, or request less at once."
  }
}

const unavailableKinds = {
  unresolved: "Unresolved",
  refused: "Refused",
  broken: "Broken",
  unsent: "Unsent",
  certificate: "Certificate",
  redirect: "Redirect",
  status: "Status"
} as const

const kindOf = ({ reason, status }: ThingsBoardError): Kind => {
  if (reason._tag === "Timeout" && reason.limit !== undefined) return reason.limit === "late" ? "Late" : "RequestTimeout"
  if (reason._tag !== "Unavailable") return reason._tag
  // A response with status 500 is a failure of ThingsBoard, not a sign that it is unavailable.
  return reason.why === "status" && status === 500 ? "Failed" : unavailableKinds[reason.why]
}

/** ThingsBoard's own timeout is not worth repeating within the deadline. A 504 is from a proxy, or from a ThingsBoard that is busy. */
const gatewayTimeout = 504

/** Ms that the response asks to wait (`Retry-After`); undefined if it does not say. */
export const askedPauseOf = ({ reason }: ThingsBoardError): number | undefined =>
  "retryAfterMs" in reason ? reason.retryAfterMs : undefined

/** The row of the table, with what this error says itself: when to try again, and how large the response may be. */
export const failureOf = (error: ThingsBoardError): Failure => {
  const failure = failures[kindOf(error)]
  const { reason } = error
  const askedPause = askedPauseOf(error)
  if (askedPause !== undefined) return { ...failure, retryAfter: Math.ceil(askedPause / 1000) }
  if (reason._tag === "ResponseTooLarge")
    return {
      ...failure,
      detail: `ThingsBoard's response is larger than ${reason.maxBytes} bytes (TB_MAX_RESPONSE_SIZE): request less at once, such as fewer keys or a smaller page.`
    }
  return reason._tag === "Timeout" && error.status === gatewayTimeout ? { ...failure, isResent: true } : failure
}

/**
 * Whether a failed call is sent again at once. `isRepeatable`: reads, and writes whose points have timestamps; other writes, such as
 * attributes, are sent again only if ThingsBoard has not carried them out.
 */
export const mayResend = (error: ThingsBoardError, isRepeatable: boolean): boolean => {
  const { effects, isResent } = failureOf(error)
  return isResent && (isRepeatable || effects === "nothing")
}
