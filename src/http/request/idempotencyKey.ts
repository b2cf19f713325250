/** What the middleware for `Idempotency-Key` reads of a request, and what handlers tell it. */
import { Context, Effect, Stream } from "effect"
import type { HttpServerRequest } from "effect/http"
import { makeSha256 } from "../../platform/Digest.ts"

type Request = HttpServerRequest.HttpServerRequest

export const maxKeyLength = 255

/** A string of RFC 8941, as the IETF draft requires, with `\"` and `\\` for a quote and a backslash. */
const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/
/** What many clients send instead: visible ASCII without quotes, commas and semicolons, such as a UUID. */
const bare = /^[!#-+\--:<-~]+$/

/** The key that the header names; undefined if it is not valid. `"a"` and `a` are the same key. */
export const parseIdempotencyKey = (header: string): string | undefined => {
  const text = quoted.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, "$1") ?? (bare.test(header) ? header : "")
  return text.length >= 1 && text.length <= maxKeyLength ? text : undefined
}

export interface Fingerprint {
  readonly add: (chunk: Uint8Array) => void
  readonly bodyBytes: () => number
  /** Ends the fingerprint: call it once. */
  readonly hex: () => string
}

/** A digest of everything that makes a request the same: method, path, query, type and coding of the body, and then the body as it passes. */
export const makeFingerprint = ({ headers, method, url }: Request): Fingerprint => {
  const digest = makeSha256()
  digest.update(JSON.stringify([method, url, headers["content-type"] ?? "", headers["content-encoding"] ?? ""]))
  let bytes = 0
  return {
    add: (chunk) => {
      bytes += chunk.length
      digest.update(chunk)
    },
    bodyBytes: () => bytes,
    hex: digest.hex
  }
}

/** Adds the body to the fingerprint as the handler reads it. The returned function says whether all of it has been read. */
export const observeBody = (request: Request, fingerprint: Fingerprint): (() => boolean) => {
  let isWhole = false
  const observed = request.stream.pipe(
    Stream.tap((chunk) => Effect.sync(() => fingerprint.add(chunk))),
    Stream.concat(
      Stream.suspend(() => {
        isWhole = true
        return Stream.empty
      })
    )
  )
  Object.defineProperty(request, "stream", { value: observed })
  return () => isWhole
}

/** The outcome of a write with an `Idempotency-Key`; undefined for other requests. */
export const CurrentOutcome = Context.Reference<{ isFinal: boolean } | undefined>("boardwalk/http/request/CurrentOutcome", {
  defaultValue: () => undefined
})

/** For a success of which a part failed in ThingsBoard: a repeat with the same key is carried out, since it may store that part. */
export const leaveRepeatable: Effect.Effect<void> = Effect.withFiber((fiber) => {
  const outcome = fiber.getRef(CurrentOutcome)
  if (outcome !== undefined) outcome.isFinal = false
  return Effect.void
})
