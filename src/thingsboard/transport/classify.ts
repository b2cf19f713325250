import { Option, Schema } from "effect"
import { ErrorEnvelope } from "../api/Entities.ts"
import {
  InvalidResponse,
  Conflict,
  Forbidden,
  LoginRefused,
  NotFound,
  RateLimited,
  type Reason,
  Rejected,
  ThingsBoardError,
  Timeout,
  TooLarge,
  Unavailable
} from "../errors/ThingsBoardError.ts"

/** Codes whose messages say more than they do themselves. */
const general = 2
const authentication = 10

const decodeEnvelope = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ message: Schema.optional(Schema.Unknown), errorCode: ErrorEnvelope.fields.errorCode }))
)

/** ThingsBoard answers 500 with code 2 ("general") also where the request is at fault; before 4.2 for every wrong number or enum. */
const faultOfRequest = /JSON parse error|Required request|Failed to convert|Can't parse|No property|Invalid|Incorrect|must be|must not/i

const inactiveAccount = /account is not active/i

/** Answers in HTML come from a proxy or from ThingsBoard's web page, so they say nothing of entities or of our login. */
const isPage = (contentType: string) => contentType.startsWith("text/html")

const notModified = 304

const reasonOf = (status: number, message: string, page: boolean, { location, retryAfter }: Hints): Reason => {
  if (status >= 300 && status < 400) {
    // What 4.3 cannot authenticate it sends to its login page. Any other redirect is a proxy that wants another address.
    const toLogin = location === undefined ? status === 302 : /\/(oauth2Login|login)\b/.test(location)
    return toLogin && status !== notModified ? new LoginRefused() : new Unavailable({ why: "redirect" })
  }
  switch (status) {
    case 408:
      return new Timeout()
    case 413:
      return new TooLarge()
    case 429:
      return new RateLimited(retryAfter === undefined || !/^\d{1,6}$/.test(retryAfter) ? {} : { retryAfterMs: Number(retryAfter) * 1000 })
    case 504:
      return new Timeout()
  }
  if (status >= 500) {
    if (/Request timeout/i.test(message)) return new Timeout()
    return status === 500 && faultOfRequest.test(message) ? new Rejected() : new Unavailable({ why: "status" })
  }
  if (page) return new InvalidResponse()
  switch (status) {
    case 401:
      return new LoginRefused(inactiveAccount.test(message) ? { inactive: true } : {})
    case 403:
      return new Forbidden()
    case 404:
      return new NotFound()
    case 409:
      return new Conflict()
  }
  return status >= 400 ? new Rejected() : new InvalidResponse()
}

export interface Hints {
  readonly location?: string | undefined
  readonly retryAfter?: string | undefined
}

/**
 * What an answer without success means. ThingsBoard's errors are a JSON envelope, plain text (telemetry; it may be labelled as JSON),
 * a bare JSON string (413) or empty (some 500 and 504).
 */
export const classify = (status: number, contentType: string, body: string, hints: Hints = {}): ThingsBoardError => {
  const envelope = decodeEnvelope(body)
  const errorCode = Option.isSome(envelope) ? { errorCode: envelope.value.errorCode } : {}
  // Text counts only inside the envelope: elsewhere a proxy may have written it.
  const isRead = Option.isSome(envelope) && (envelope.value.errorCode === general || envelope.value.errorCode === authentication)
  const message = isRead ? String(envelope.value.message) : ""
  return new ThingsBoardError({ reason: reasonOf(status, message, isPage(contentType), hints), status, ...errorCode })
}
