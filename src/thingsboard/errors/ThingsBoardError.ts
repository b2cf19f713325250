/** The one error of everything that talks to ThingsBoard. Its message is ours: nothing that ThingsBoard wrote is in it. */
import { Schema } from "effect"

/** There is no such thing, or this account's tenant does not have it. */
export class NotFound extends Schema.TaggedClass<NotFound>()("NotFound", {}) {}

/** It is there, but this account may not see or do it. */
export class Forbidden extends Schema.TaggedClass<Forbidden>()("Forbidden", {}) {}

/** ThingsBoard calls the request itself wrong. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {}) {}

/** What was to be saved has changed meanwhile. */
export class Conflict extends Schema.TaggedClass<Conflict>()("Conflict", {}) {}

/** ThingsBoard itself never says for how long; a proxy before it may. */
export class RateLimited extends Schema.TaggedClass<RateLimited>()("RateLimited", { retryAfterMs: Schema.optionalKey(Schema.Int) }) {}

/** The body is beyond ThingsBoard's limit (16 MiB unless configured otherwise). */
export class TooLarge extends Schema.TaggedClass<TooLarge>()("TooLarge", {}) {}

/**
 * No usable answer: the host has no address (`unresolved`), refuses connections (`refused`), broke off (`broken`), shows a certificate
 * that is not trusted (`certificate`), sends somewhere else (`redirect`) or says that it failed (`status`).
 */
export class Unavailable extends Schema.TaggedClass<Unavailable>()("Unavailable", {
  why: Schema.Literals(["unresolved", "refused", "broken", "certificate", "redirect", "status"])
}) {}

export class Timeout extends Schema.TaggedClass<Timeout>()("Timeout", {}) {}

/**
 * Our credentials are not accepted. Nothing is sent before `retryAt` (epoch ms); without it nothing ever, since more tries could lock the
 * account. `inactive`: the password is right, and the account is disabled, locked or not activated yet.
 */
export class LoginRefused extends Schema.TaggedClass<LoginRefused>()("LoginRefused", {
  retryAt: Schema.optionalKey(Schema.Int),
  inactive: Schema.optionalKey(Schema.Boolean)
}) {}

/** Not what ThingsBoard is known to answer: another server's page, or JSON that is cut or of another shape. */
export class InvalidResponse extends Schema.TaggedClass<InvalidResponse>()("InvalidResponse", {}) {}

/** This release of ThingsBoard cannot do it: before 4.3.1.1 a key with a comma cannot be asked for. */
export class Unsupported extends Schema.TaggedClass<Unsupported>()("Unsupported", { feature: Schema.Literal("keys with commas") }) {}

export const Reason = Schema.Union([
  NotFound,
  Forbidden,
  Rejected,
  Conflict,
  RateLimited,
  TooLarge,
  Unavailable,
  Timeout,
  LoginRefused,
  InvalidResponse,
  Unsupported
])
export type Reason = typeof Reason.Type

export class ThingsBoardError extends Schema.TaggedError<ThingsBoardError>()("ThingsBoardError", {
  reason: Reason,
  /** ThingsBoard's HTTP status, when it answered. */
  status: Schema.optionalKey(Schema.Int),
  /** The `errorCode` of its JSON envelope. */
  errorCode: Schema.optionalKey(Schema.Int)
}) {
  override get message() {
    const { reason } = this
    return `${reason._tag === "Unavailable" ? `Unavailable, ${reason.why}` : reason._tag}${this.codes}`
  }

  /** ` (status 404, code 32)`, as far as ThingsBoard told them. */
  get codes() {
    const { errorCode, status } = this
    return status === undefined ? "" : ` (status ${status}${errorCode === undefined ? "" : `, code ${errorCode}`})`
  }
}

export const invalidResponse = (status = 200) => new ThingsBoardError({ reason: new InvalidResponse(), status })
