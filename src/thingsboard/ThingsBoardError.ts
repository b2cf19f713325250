/** The one error of everything that talks to ThingsBoard. Its message is ours: nothing that ThingsBoard wrote is in it. */
import { Schema } from "effect"

export class NotFound extends Schema.TaggedClass<NotFound>()("NotFound", {}) {}
export class Forbidden extends Schema.TaggedClass<Forbidden>()("Forbidden", {}) {}
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {}) {}
export class Conflict extends Schema.TaggedClass<Conflict>()("Conflict", {}) {}
export class RateLimited extends Schema.TaggedClass<RateLimited>()("RateLimited", {}) {}
export class TooLarge extends Schema.TaggedClass<TooLarge>()("TooLarge", {}) {}
export class Unavailable extends Schema.TaggedClass<Unavailable>()("Unavailable", {}) {}
export class Timeout extends Schema.TaggedClass<Timeout>()("Timeout", {}) {}
export class LoginRefused extends Schema.TaggedClass<LoginRefused>()("LoginRefused", {}) {}
export class BadAnswer extends Schema.TaggedClass<BadAnswer>()("BadAnswer", {}) {}

export const Reason = Schema.Union([NotFound, Forbidden, Rejected, Conflict, RateLimited, TooLarge, Unavailable, Timeout, LoginRefused, BadAnswer])
export type Reason = typeof Reason.Type

export class ThingsBoardError extends Schema.TaggedError<ThingsBoardError>()("ThingsBoardError", { reason: Reason, status: Schema.optionalKey(Schema.Int) }) {
  override get message() {
    return `${this.reason._tag}${this.status === undefined ? "" : ` (status ${this.status})`}`
  }
}
