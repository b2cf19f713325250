/** One request to ThingsBoard: one fetch inside one Effect, with the deadline as a signal. What is not a 200 is told apart here. */
import { Effect } from "effect"
import {
  BadAnswer,
  Conflict,
  Forbidden,
  LoginRefused,
  NotFound,
  RateLimited,
  Rejected,
  type Reason,
  ThingsBoardError,
  Timeout,
  TooLarge,
  Unavailable
} from "./ThingsBoardError.ts"

export interface Call {
  readonly url: string
  readonly method: "GET" | "POST"
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | undefined
  readonly timeout: number
}

/** Marks a 401 with code 11: the token has expired, a new one helps. */
export class TokenExpired extends Error {}

const envelope = (text: string): { readonly errorCode?: number } => {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === "object" && parsed !== null ? parsed : {}
  } catch {
    return {} // telemetry errors are plain text, some are empty
  }
}

const reasonOf = (status: number, errorCode: number | undefined): Reason => {
  if (status === 400) return new Rejected()
  if (status === 401) return new LoginRefused()
  if (status === 403) return new Forbidden()
  if (status === 404) return new NotFound()
  if (status === 409) return new Conflict()
  if (status === 413) return new TooLarge()
  if (status === 429) return new RateLimited()
  if (status >= 300 && status < 400) return new LoginRefused() // 4.3 sends what it cannot authenticate to its login page
  if (status === 500 && errorCode === 2) return new Rejected() // "general" error: most often the request's fault
  return status >= 500 ? new Unavailable() : new BadAnswer()
}

const run = async (call: Call, cancelled: AbortSignal): Promise<Buffer> => {
  const response = await fetch(call.url, {
    method: call.method,
    headers: call.headers,
    redirect: "manual",
    signal: AbortSignal.any([cancelled, AbortSignal.timeout(call.timeout)]),
    ...(call.body === undefined ? {} : { body: call.body as BodyInit })
  })
  if (response.status === 200) return Buffer.from(await response.arrayBuffer())
  const { errorCode } = envelope(await response.text())
  if (response.status === 401 && errorCode === 11) throw new TokenExpired()
  throw new ThingsBoardError({ reason: reasonOf(response.status, errorCode), status: response.status })
}

const isTimeout = (error: unknown) => error instanceof DOMException && error.name === "TimeoutError"

export const exchangeOrExpired = (call: Call): Effect.Effect<Buffer, ThingsBoardError | TokenExpired> =>
  Effect.tryPromise({
    try: (signal) => run(call, signal),
    catch: (error) =>
      error instanceof ThingsBoardError || error instanceof TokenExpired
        ? error
        : new ThingsBoardError({ reason: isTimeout(error) ? new Timeout() : new Unavailable() })
  })

export const exchange = (call: Call): Effect.Effect<Buffer, ThingsBoardError> =>
  Effect.mapError(exchangeOrExpired(call), (error) =>
    error instanceof TokenExpired ? new ThingsBoardError({ reason: new LoginRefused(), status: 401 }) : error
  )
