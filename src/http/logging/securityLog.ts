/**
 * What operators look for in the log: refusals, used-up limits, ThingsBoard's failures, each with who asked. The phrases are ones that
 * people already grep for.
 */
import { Context, Effect, type Fiber } from "effect"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import type { KeyScope } from "../../domain/ApiKey.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import type { Denial } from "../../apikeys/ApiKeys.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { redactedPath } from "./redactedPath.ts"

/** The key is named by its id, never shown. */
const whoAsked = (fiber: Fiber.Fiber<unknown, unknown>, keyId = Context.getOrUndefined(fiber.context, CurrentCaller)?.id) => {
  const exchange = fiber.getRef(CurrentExchange)
  return {
    request_id: exchange?.id ?? "none",
    address: exchange?.remoteAddress ?? "unknown",
    ...(keyId === undefined ? {} : { key_id: keyId })
  }
}

const whatWasAsked = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const request = fiber.getRef(CurrentExchange)?.request
  return request === undefined ? {} : { method: request.method, path: redactedPath(request.url) }
}

type Fields = Record<string, unknown>

const told = (message: string, fields: (fiber: Fiber.Fiber<unknown, unknown>) => Fields, keyId?: string) =>
  Effect.withFiber((fiber) => Effect.annotateLogs(Effect.logWarning(message), { ...whoAsked(fiber, keyId), ...fields(fiber) }))

const refused = (message: string, fields: Fields, keyId: string | undefined) =>
  told(message, (fiber) => ({ ...whatWasAsked(fiber), ...fields }), keyId)

/** There was no key, or none that opens anything. */
export const logNotAuthenticated = ({ keyId, reason }: Denial) => refused("Security event: 401", { status: 401, reason }, keyId)

/** A key that was good when the request came is so no more. */
export const logKeyExpired = refused("Security event: 401", { status: 401, reason: "ended" }, undefined)

/** The key has not the right. */
export const logNotAllowed = (keyId: string, scope: KeyScope) =>
  refused("Security event: 403", { status: 403, reason: "missing_scope", required_scope: scope }, keyId)

/** The `Host` header is none, or not one that is served. */
export const logHostNotServed = (reason: "malformed_host" | "unknown_host") =>
  refused("Security event: 400", { status: 400, reason }, undefined)

/** Whose requests are too many: those of a key, those without a valid key of an address, those of a key that are not answered yet, or exports. */
export type LimitKind = "key_limit" | "address_limit" | "in_flight" | "exports"

/** Behind a proxy that is not named all callers have its address, and one that guesses uses up the limit of all. */
const ofUntrustedProxy = (fiber: Fiber.Fiber<unknown, unknown>): Fields => {
  const exchange = fiber.getRef(CurrentExchange)
  const told = exchange?.request.headers.get("x-forwarded-for")
  return told === null || told === undefined || told.includes(exchange?.remoteAddress ?? "unknown")
    ? {}
    : { hint: "X-Forwarded-For is not believed from this address; name it in TRUSTED_PROXIES if it is a proxy of yours" }
}

export const logRateLimitExceeded = (reason: LimitKind, keyId: string | undefined) =>
  told(
    "Rate limit exceeded",
    (fiber) => ({ ...whatWasAsked(fiber), status: 429, reason, ...(reason === "address_limit" ? ofUntrustedProxy(fiber) : {}) }),
    keyId
  )

/** Why there was no usable answer; where ThingsBoard itself said that it failed, its status is enough. */
const whyUnavailable = {
  unresolved: ", its host has no address",
  refused: ", it refuses connections",
  broken: ", the connection broke off",
  certificate: ", its certificate is not trusted",
  redirect: ", its address sends elsewhere",
  status: ""
} as const

const wordsOf = ({ reason }: ThingsBoardError) => (reason._tag === "Unavailable" ? `Unavailable${whyUnavailable[reason.why]}` : reason._tag)

/** A call to ThingsBoard failed. Status and code are ThingsBoard's; its text is nowhere. */
export const logThingsBoardFailure = (error: ThingsBoardError, fields: Fields = {}) =>
  told(`ThingsBoard HTTP error: ${wordsOf(error)}${error.codes}`, () => ({
    upstream_failure: error.reason._tag,
    ...(error.status === undefined ? {} : { upstream_status: error.status }),
    ...(error.errorCode === undefined ? {} : { upstream_code: error.errorCode }),
    ...fields
  }))
