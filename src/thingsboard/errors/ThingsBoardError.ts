/** The error of everything that calls ThingsBoard. Its message is our own: it contains no text from ThingsBoard. */
import { Schema } from "effect"

/** The entity does not exist, or does not belong to this account's tenant. */
export class NotFound extends Schema.TaggedClass<NotFound>()("NotFound", {}) {}

/** The entity exists, but this account may not see it or may not do this. */
export class Forbidden extends Schema.TaggedClass<Forbidden>()("Forbidden", {}) {}

/** ThingsBoard considers the request itself invalid. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {}) {}

/** The entity to be saved has changed in the meantime. */
export class Conflict extends Schema.TaggedClass<Conflict>()("Conflict", {}) {}

/** ThingsBoard itself never says for how long; a proxy in front of it may. */
export class RateLimited extends Schema.TaggedClass<RateLimited>()("RateLimited", { retryAfterMs: Schema.optionalKey(Schema.Int) }) {}

/** ThingsBoard has limited the calls of this user, so that none is made for a while, which is longer than this one can wait. It was not sent. */
export class RateLimitPaused extends Schema.TaggedClass<RateLimitPaused>()("RateLimitPaused", { retryAfterMs: Schema.Int }) {}

/** The body exceeds ThingsBoard's limit (16 MiB by default). */
export class TooLarge extends Schema.TaggedClass<TooLarge>()("TooLarge", {}) {}

/**
 * No usable response: the host has no address (`unresolved`), refuses connections (`refused`), closed the connection (`broken`; `unsent`
 * if that was before anything was sent), has an untrusted certificate (`certificate`), redirects elsewhere (`redirect`) or reports that it failed (`status`).
 */
export class Unavailable extends Schema.TaggedClass<Unavailable>()("Unavailable", {
  why: Schema.Literals(["unresolved", "refused", "broken", "unsent", "certificate", "redirect", "status"]),
  /** Ms that the response asks to wait. */
  retryAfterMs: Schema.optionalKey(Schema.Int)
}) {}

/**
 * No response in time: that of a call (TB_TIMEOUT), or that of the whole `request` (REQUEST_TIMEOUT, or the client's `Prefer: wait`). `late`: the request's time
 * was over before the call was sent.
 */
export class Timeout extends Schema.TaggedClass<Timeout>()("Timeout", {
  limit: Schema.optionalKey(Schema.Literals(["request", "late"]))
}) {}

/**
 * Our credentials were rejected. Nothing is sent before `retryAt` (ms of the monotonic clock), since more attempts could lock the
 * account; it is missing until the pause is known. `inactive`: the password is correct, but the account is disabled, locked or not activated yet.
 */
export class LoginRefused extends Schema.TaggedClass<LoginRefused>()("LoginRefused", {
  retryAt: Schema.optionalKey(Schema.Int),
  inactive: Schema.optionalKey(Schema.Boolean)
}) {}

/** Not a response of ThingsBoard's: another server's page, or JSON that is incomplete or of another shape. */
export class InvalidResponse extends Schema.TaggedClass<InvalidResponse>()("InvalidResponse", {}) {}

/** ThingsBoard's response is larger than the gateway accepts (TB_MAX_RESPONSE_SIZE). */
export class ResponseTooLarge extends Schema.TaggedClass<ResponseTooLarge>()("ResponseTooLarge", { maxBytes: Schema.Int }) {}

/** The gateway has no memory for ThingsBoard's response at the moment (MAX_RESPONSE_MEMORY). */
export class OutOfMemory extends Schema.TaggedClass<OutOfMemory>()("OutOfMemory", {}) {}

/** Too many calls to ThingsBoard wait already, or this one has waited in vain (TB_MAX_CONNECTIONS, TB_MAX_QUEUE). It was not sent. */
export class QueueFull extends Schema.TaggedClass<QueueFull>()("QueueFull", {}) {}

/** Most of the last calls have failed, so that none is made for a while (TB_BREAKER_FAILURES). It was not sent. */
export class CircuitOpen extends Schema.TaggedClass<CircuitOpen>()("CircuitOpen", { retryAfterMs: Schema.Int }) {}

/** This release of ThingsBoard cannot do it: before 4.3.1.1, a key with a comma cannot be requested. */
export class Unsupported extends Schema.TaggedClass<Unsupported>()("Unsupported", { feature: Schema.Literal("keys with commas") }) {}

export const Reason = Schema.Union([
  NotFound,
  Forbidden,
  Rejected,
  Conflict,
  RateLimited,
  RateLimitPaused,
  TooLarge,
  Unavailable,
  Timeout,
  LoginRefused,
  InvalidResponse,
  ResponseTooLarge,
  OutOfMemory,
  QueueFull,
  CircuitOpen,
  Unsupported
])
export type Reason = typeof Reason.Type

export class ThingsBoardError extends Schema.TaggedError<ThingsBoardError>()("ThingsBoardError", {
  reason: Reason,
  /** ThingsBoard's HTTP status, if there was a response. */
  status: Schema.optionalKey(Schema.Int),
  /** The `errorCode` of its JSON envelope. */
  errorCode: Schema.optionalKey(Schema.Int)
}) {
  override get message() {
    const { reason } = this
    return `${reason._tag === "Unavailable" ? `Unavailable, ${reason.why}` : reason._tag}${this.codes}`
  }

  /** ` (status 404, code 32)`, as far as they are known. */
  get codes() {
    const { errorCode, status } = this
    return status === undefined ? "" : ` (status ${status}${errorCode === undefined ? "" : `, code ${errorCode}`})`
  }
}

export const invalidResponse = (status = 200) => new ThingsBoardError({ reason: new InvalidResponse(), status })

/** The time of the caller's request was over before there was a response. */
export const requestTimedOut = () => new ThingsBoardError({ reason: new Timeout({ limit: "request" }) })
