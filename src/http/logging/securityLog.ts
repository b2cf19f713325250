/**
 * The log entries that operators look for: rejected requests, exceeded limits and ThingsBoard's failures, each with the client. Operators
 * already search for these messages, so they do not change. What a client repeats is counted; see `RepeatedEvents`.
 */
import { Cause, Context, Effect, type Fiber } from "effect"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { Denial } from "../../apikeys/ApiKeys.ts"
import type { Shortage } from "../../thingsboard/errors/failures.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { redactedPath } from "./redactedPath.ts"
import { CurrentRepeatedEvents } from "./RepeatedEvents.ts"

/** A key is logged by its id, never in clear text. */
export const clientFields = (
  fiber: Fiber.Fiber<unknown, unknown>,
  keyId = Context.getOrUndefined(fiber.context, CurrentCaller)?.id
): { readonly request_id: string; readonly address: string; readonly key_id?: string } => {
  const exchange = fiber.getRef(CurrentExchange)
  const client = { request_id: exchange?.id ?? "none", address: exchange?.remoteAddress ?? "unknown" }
  return keyId === undefined ? client : { ...client, key_id: keyId }
}

const requestFields = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const request = fiber.getRef(CurrentExchange)?.request
  return request === undefined ? {} : { method: request.method, path: redactedPath(request.url) }
}

type Fields = Record<string, unknown>

interface LogEvent {
  readonly message: string
  /** What kind of event it is; also in the line of the repeated ones. */
  readonly fields: Fields
  /** Fields of this event alone. */
  readonly ofRequest?: (fiber: Fiber.Fiber<unknown, unknown>) => Fields
  readonly keyId?: string | undefined
  /** See `Event` of `RepeatedEvents`. */
  readonly detail?: string
  readonly log?: Effect.Effect<void>
}

const logEvent = ({ detail, fields, keyId, log, message, ofRequest = () => ({}) }: LogEvent): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const repeated = fiber.getRef(CurrentRepeatedEvents)
    const client = clientFields(fiber, keyId)
    const isLogged = repeated === undefined || repeated.admit({ message, fields, detail, address: client.address, keyId: client.key_id })
    return isLogged ? Effect.annotateLogs(log ?? Effect.logWarning(message), { ...client, ...ofRequest(fiber), ...fields }) : Effect.void
  })

const logRejection = (message: string, fields: Fields, keyId: string | undefined) =>
  logEvent({ message, fields, ofRequest: requestFields, keyId })

/** The request has no valid key. */
export const logNotAuthenticated = ({ keyId, reason }: Denial) => logRejection("Security event: 401", { status: 401, reason }, keyId)

/** The request may not go on: its key is no longer valid (`ended`), or has lost rights that the request needs (`narrowed`). */
export const logAuthorizationEnd = (reason: "ended" | "narrowed") =>
  reason === "ended"
    ? logRejection("Security event: 401", { status: 401, reason }, undefined)
    : logRejection("Security event: 403", { status: 403, reason }, undefined)

/** The key does not have the required scope. */
export const logNotAllowed = (keyId: string, scope: KeyScope) =>
  logRejection("Security event: 403", { status: 403, reason: "missing_scope", required_scope: scope }, keyId)

/** The `Host` header is malformed, or names a host that is not served. */
export const logHostNotServed = (reason: "malformed_host" | "unknown_host") =>
  logRejection("Security event: 400", { status: 400, reason }, undefined)

/** The request has more than one `Content-Length`. */
export const logRepeatedLength = logRejection("Security event: 400", { status: 400, reason: "repeated_length" }, undefined)

/** The limit that was exceeded: requests per window of a key, or of an address without a valid key; requests of a key in flight; exports. */
export type LimitKind = "key_limit" | "address_limit" | "in_flight" | "exports" | "read_bytes" | "write_bytes"

/** Behind a proxy that is not in TRUSTED_PROXIES, all clients share its address, and one that guesses keys uses up the limit of all. */
const untrustedProxyHint = (fiber: Fiber.Fiber<unknown, unknown>): Fields => {
  const exchange = fiber.getRef(CurrentExchange)
  const forwardedFor = exchange?.request.headers.get("x-forwarded-for")
  return forwardedFor === null || forwardedFor === undefined || forwardedFor.includes(exchange?.remoteAddress ?? "unknown")
    ? {}
    : { hint: "X-Forwarded-For from this address is not trusted; add the address to TRUSTED_PROXIES if it is your proxy" }
}

export const logRateLimitExceeded = (reason: LimitKind, keyId: string | undefined) =>
  logEvent({
    message: "Rate limit exceeded",
    fields: { status: 429, reason },
    ofRequest: (fiber) => ({ ...requestFields(fiber), ...(reason === "address_limit" ? untrustedProxyHint(fiber) : {}) }),
    keyId
  })

/**
 * What the gateway had too little of: memory for request bodies (MAX_BODY_MEMORY) or for ThingsBoard's responses (MAX_RESPONSE_MEMORY), or
 * room for calls to ThingsBoard (TB_MAX_CONNECTIONS, TB_MAX_QUEUE).
 */
export type OverloadReason = "body_memory" | Shortage

const overloadMessages: { readonly [_ in OverloadReason]: string } = {
  body_memory: "Request rejected: no memory",
  response_memory: "Request rejected: no memory",
  queue: "Request rejected: too many calls to ThingsBoard"
}

export const logOverloaded = (reason: OverloadReason) => logRejection(overloadMessages[reason], { status: 503, reason }, undefined)

/** Why ThingsBoard returned no usable response. When it responded with an error, the status says enough. */
const unavailableCauses = {
  unresolved: ", its host has no address",
  refused: ", it refuses connections",
  broken: ", the connection was lost",
  unsent: ", the connection was lost before the request was sent",
  certificate: ", its certificate is not trusted",
  redirect: ", it redirects elsewhere",
  status: ""
} as const

const describeReason = ({ reason }: ThingsBoardError) =>
  reason._tag === "Unavailable" ? `Unavailable${unavailableCauses[reason.why]}` : reason._tag

/** A call to ThingsBoard failed. Its status and error code are logged, its text is not. */
export const logThingsBoardFailure = (error: ThingsBoardError, fields: Fields = {}) =>
  logEvent({
    message: `ThingsBoard HTTP error: ${describeReason(error)}${error.codes}`,
    fields: {
      upstream_failure: error.reason._tag,
      ...(error.status === undefined ? {} : { upstream_status: error.status }),
      ...(error.errorCode === undefined ? {} : { upstream_code: error.errorCode })
    },
    ofRequest: () => fields
  })

const maxDetail = 200

/** A bug, with its cause. Different causes are logged each. */
export const logBug = (message: string, cause: Cause.Cause<unknown>) =>
  logEvent({ message, fields: {}, detail: String(Cause.squash(cause)).slice(0, maxDetail), log: Effect.logError(message, cause) })
