/**
 * The log entries that operators look for: rejected requests, exceeded limits and ThingsBoard's failures, each with the client. Operators
 * already search for these messages, so they do not change.
 */
import { Context, Effect, type Fiber } from "effect"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import type { Denial } from "../../apikeys/ApiKeys.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { redactedPath } from "./redactedPath.ts"

/** A key is logged by its id, never in clear text. */
const clientFields = (fiber: Fiber.Fiber<unknown, unknown>, keyId = Context.getOrUndefined(fiber.context, CurrentCaller)?.id) => {
  const exchange = fiber.getRef(CurrentExchange)
  return {
    request_id: exchange?.id ?? "none",
    address: exchange?.remoteAddress ?? "unknown",
    ...(keyId === undefined ? {} : { key_id: keyId })
  }
}

const requestFields = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const request = fiber.getRef(CurrentExchange)?.request
  return request === undefined ? {} : { method: request.method, path: redactedPath(request.url) }
}

type Fields = Record<string, unknown>

const logEvent = (message: string, fields: (fiber: Fiber.Fiber<unknown, unknown>) => Fields, keyId?: string) =>
  Effect.withFiber((fiber) => Effect.annotateLogs(Effect.logWarning(message), { ...clientFields(fiber, keyId), ...fields(fiber) }))

const logRejection = (message: string, fields: Fields, keyId: string | undefined) =>
  logEvent(message, (fiber) => ({ ...requestFields(fiber), ...fields }), keyId)

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
export type LimitKind = "key_limit" | "address_limit" | "in_flight" | "exports"

/** Behind a proxy that is not in TRUSTED_PROXIES, all clients share its address, and one that guesses keys uses up the limit of all. */
const untrustedProxyHint = (fiber: Fiber.Fiber<unknown, unknown>): Fields => {
  const exchange = fiber.getRef(CurrentExchange)
  const forwardedFor = exchange?.request.headers.get("x-forwarded-for")
  return forwardedFor === null || forwardedFor === undefined || forwardedFor.includes(exchange?.remoteAddress ?? "unknown")
    ? {}
    : { hint: "X-Forwarded-For from this address is not trusted; add the address to TRUSTED_PROXIES if it is your proxy" }
}

export const logRateLimitExceeded = (reason: LimitKind, keyId: string | undefined) =>
  logEvent(
    "Rate limit exceeded",
    (fiber) => ({ ...requestFields(fiber), status: 429, reason, ...(reason === "address_limit" ? untrustedProxyHint(fiber) : {}) }),
    keyId
  )

/** Why ThingsBoard returned no usable response. When it responded with an error, the status says enough. */
const unavailableCauses = {
  unresolved: ", its host has no address",
  refused: ", it refuses connections",
  broken: ", the connection was lost",
  certificate: ", its certificate is not trusted",
  redirect: ", it redirects elsewhere",
  status: ""
} as const

const describeReason = ({ reason }: ThingsBoardError) =>
  reason._tag === "Unavailable" ? `Unavailable${unavailableCauses[reason.why]}` : reason._tag

/** A call to ThingsBoard failed. Its status and error code are logged, its text is not. */
export const logThingsBoardFailure = (error: ThingsBoardError, fields: Fields = {}) =>
  logEvent(`ThingsBoard HTTP error: ${describeReason(error)}${error.codes}`, () => ({
    upstream_failure: error.reason._tag,
    ...(error.status === undefined ? {} : { upstream_status: error.status }),
    ...(error.errorCode === undefined ? {} : { upstream_code: error.errorCode }),
    ...fields
  }))
