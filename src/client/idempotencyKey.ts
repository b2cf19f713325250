/** Sends `Idempotency-Key` with writes, so that they can be retried without being carried out twice. */
import { Context, Effect } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"

const CurrentIdempotencyKey = Context.Reference<string | undefined>("boardwalk/client/CurrentIdempotencyKey", {
  defaultValue: () => undefined
})

/** Safe as a string of RFC 8941. */
const quote = (key: string) => `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`

export const withIdempotencyKeys = HttpClient.mapRequestEffect((request) =>
  Effect.map(CurrentIdempotencyKey, (key) =>
    key === undefined ? request : HttpClientRequest.setHeader(request, "idempotency-key", quote(key))
  )
)

/**
 * Sends this key with the writes of an effect: `withIdempotencyKey(key)(boardwalk.telemetry.upload(…))`. The key is new for each new request,
 * 1 to 255 ASCII characters. Put `Effect.retry` around or inside it: all attempts have the same key.
 */
export const withIdempotencyKey =
  (key: string) =>
  <A, E, R>(write: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(write, CurrentIdempotencyKey, key)
