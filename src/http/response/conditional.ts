/**
 * HTTP caching of reads (RFC 9110, section 13; RFC 9111): a client that has the data already gets 304 without a body.
 *
 * The tag is weak, because it is computed from the data without the envelope's timestamp: two responses with the same tag say the same,
 * but are not the same bytes. Clients may keep responses, and must ask before they use them again (`no-cache`): the answer is cheap, and
 * no write is followed by old data. `Vary` keeps a client that has several keys from using the response of one for another.
 */
import type { Fiber } from "effect"
import { HttpServerResponse } from "effect/http"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { fingerprint } from "../../platform/Digest.ts"
import { CurrentCredentialAccess } from "../../services/access/CredentialAccess.ts"

const json = { contentType: "application/json" } as const

const weak = (tag: string) => tag.trim().replace(/^W\//, "")

/** Tags are compared weakly; `*` matches any. Ours contain no comma. */
const matches = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch.trim() === "*" || ifNoneMatch.split(",").some((tag) => weak(tag) === weak(etag))

/** By bytes, for as long as they are in memory: those from the read cache are sent many times. */
const known = new WeakMap<Uint8Array, string>()

const fingerprintOf = (bytes: Uint8Array): string => {
  const found = known.get(bytes) ?? fingerprint(bytes)
  known.set(bytes, found)
  return found
}

/** The tag of the parts of a response that follow its timestamp. */
const tagOf = (parts: ReadonlyArray<string | Uint8Array>) =>
  `W/"${fingerprint(Buffer.from(parts.map((part) => (typeof part === "string" ? part : fingerprintOf(part))).join(",")))}"`

/** Responds with a body of JSON, or with 304. `data`: the parts of the body that have the data. */
export const conditional = (body: Uint8Array, data: ReadonlyArray<string | Uint8Array>, fiber: Fiber.Fiber<unknown, unknown>) => {
  const exchange = fiber.getRef(CurrentExchange)
  if (exchange === undefined || (exchange.request.method !== "GET" && exchange.request.method !== "HEAD"))
    return HttpServerResponse.raw(body, json)
  const { dataAge, headers, request } = exchange
  const etag = tagOf(data)
  headers["etag"] = etag
  exchange.varyBy("X-API-Key")
  if (dataAge !== undefined) headers["age"] = String(Math.floor(dataAge / 1000))
  // Responses with credentials are not to be kept on any disk: for these the header stays `no-store`.
  if (!fiber.getRef(CurrentCredentialAccess)) headers["cache-control"] = "private, no-cache"
  const ifNoneMatch = request.headers.get("if-none-match")
  return ifNoneMatch !== null && matches(ifNoneMatch, etag) ? HttpServerResponse.empty({ status: 304 }) : HttpServerResponse.raw(body, json)
}
