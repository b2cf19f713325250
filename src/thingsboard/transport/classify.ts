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

/** Values of `errorCode` whose messages say more than the code. */
const general = 2
const authentication = 10

const decodeEnvelope = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ message: Schema.optional(Schema.Unknown), errorCode: ErrorEnvelope.fields.errorCode }))
)

/** ThingsBoard responds with 500 and code 2 ("general") to some invalid requests too; before 4.2, to every invalid number or enum. */
const invalidRequest = /JSON parse error|Required request|Failed to convert|Can't parse|No property|Invalid|Incorrect|must be|must not/i

const inactiveAccount = /account is not active/i

/** HTML comes from a proxy or from ThingsBoard's web page, so it says nothing about entities or our login. */
export const isHtml = (contentType: string) => contentType.startsWith("text/html")

const notModified = 304

const findReason = (status: number, message: string, html: boolean, { location, retryAfterMs }: Hints): Reason => {
  if (status >= 300 && status < 400) {
    // ThingsBoard 4.3 redirects requests that it cannot authenticate to its login page. Other redirects come from a proxy that expects
    // another address.
    const toLogin = location === undefined ? status === 302 : /\/(oauth2Login|login)\b/.test(location)
    return toLogin && status !== notModified ? new LoginRefused() : new Unavailable({ why: "redirect" })
  }
  switch (status) {
    case 408:
      return new Timeout()
    case 413:
      return new TooLarge()
    case 429:
      return new RateLimited(retryAfterMs === undefined ? {} : { retryAfterMs })
    case 504:
      return new Timeout()
  }
  if (status >= 500) {
    if (/Request timeout/i.test(message)) return new Timeout()
    return status === 500 && invalidRequest.test(message)
      ? new Rejected()
      : new Unavailable({ why: "status", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  }
  if (html) return new InvalidResponse()
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
  /** Ms that the response asks to wait. */
  readonly retryAfterMs?: number | undefined
}

/**
 * The error for a response other than 2xx. ThingsBoard's error bodies are a JSON envelope, plain text (telemetry; sometimes labeled as
 * JSON), a bare JSON string (413) or empty (some 500 and 504).
 */
export const classify = (status: number, contentType: string, body: string, hints: Hints = {}): ThingsBoardError => {
  const envelope = decodeEnvelope(body)
  const errorCode = Option.isSome(envelope) ? { errorCode: envelope.value.errorCode } : {}
  // Only text inside the envelope counts: other text may come from a proxy.
  const isMeaningful = Option.isSome(envelope) && (envelope.value.errorCode === general || envelope.value.errorCode === authentication)
  const message = isMeaningful ? String(envelope.value.message) : ""
  return new ThingsBoardError({ reason: findReason(status, message, isHtml(contentType), hints), status, ...errorCode })
}
