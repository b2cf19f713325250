/** Response headers. */
import type { Header, Ref, Response } from "./model.ts"

const integer = { type: "integer", format: "int32", minimum: 0 } as const

export const headers = {
  "X-Request-Id": {
    description:
      "Id of the request: the value that the client sent, if it is well-formed, otherwise a new id. The gateway's log uses the same id.",
    required: true,
    schema: { type: "string", pattern: "^[\\w.-]{1,128}$" },
    example: "0f2a6f4e-6f0b-4d0a-9d0e-3a1c2b7d5e90"
  },
  "X-RateLimit-Limit": { description: "Maximum number of requests per window.", schema: integer, example: 100 },
  "X-RateLimit-Remaining": { description: "Number of remaining requests.", schema: integer, example: 87 },
  "X-RateLimit-Reset": {
    description:
      "Unix time in seconds at which the full quota is available again; in a 429 response, the time of the next allowed request.",
    schema: { type: "integer", format: "int64", minimum: 0 },
    example: 1_700_000_060
  },
  RateLimit: {
    description:
      "Remaining quota in the format of the IETF draft: `r` remaining requests, and `t` seconds until the time in `X-RateLimit-Reset`.",
    schema: { type: "string" },
    example: '"default";r=87;t=8'
  },
  "RateLimit-Policy": {
    description: "Rate limit in the format of the IETF draft: `q` requests per `w` seconds.",
    schema: { type: "string" },
    example: '"default";q=100;w=60'
  },
  "Retry-After": { description: "Seconds to wait before the next request.", schema: integer, example: 12 },
  Allow: { description: "The methods that the path supports.", schema: { type: "string" }, example: "GET, HEAD, OPTIONS" },
  "Content-Disposition": {
    description: "Suggested file name. For names with letters beyond ASCII, `filename*` has the name (RFC 6266).",
    schema: { type: "string" },
    example: 'attachment; filename="telemetry.csv"'
  },
  "X-Keys-Skipped": {
    description:
      "Keys that a read of all keys leaves out, because this ThingsBoard (before 4.3.1.1) cannot read keys with commas. Percent-encoded and separated by commas; `...` at the end stands for more. Missing if nothing is left out.",
    schema: { type: "string" },
    example: "Phase%201%2C%20voltage"
  },
  ETag: {
    description:
      "Tag of the data in the response, without its `timestamp`. Sent back in `If-None-Match`, it gets 304 while the data is the same. It is weak: equal data, not equal bytes.",
    schema: { type: "string" },
    example: 'W/"2k1v9n0x5qyzf.1c8w5u3h7lk2p"'
  },
  Age: {
    description:
      "Seconds since the oldest data in the response was read from ThingsBoard. Missing if all of it was read for this request. `Cache-Control: no-cache` in the request bypasses the gateway's cache.",
    schema: integer,
    example: 1
  },
  "Cache-Control": {
    description: "`private, no-cache`: clients may keep the response, and must ask with its tag before they use it again.",
    schema: { type: "string" },
    example: "private, no-cache"
  },
  Warning: {
    description: '`110 - "Response is Stale"`: ThingsBoard is away, and this is an older response (STALE_IF_ERROR). `Age` says how old.',
    schema: { type: "string" },
    example: '110 - "Response is Stale"'
  },
  Location: {
    description: "Path of the batch: what becomes of an upload that was queued.",
    schema: { type: "string", format: "uri-reference" },
    example: "/api/v1/tb/ingest/784f394c-42b6-435a-983c-b7beff2784f9"
  },
  "Preference-Applied": {
    description: "The preference in `Prefer` that was honored. Missing if none was.",
    schema: { type: "string" },
    example: "respond-async"
  },
  "Idempotent-Replayed": {
    description:
      "`true`: this is the response to an earlier request with the same `Idempotency-Key`, and this one was not carried out. Missing otherwise.",
    schema: { type: "string", enum: ["true"] },
    example: "true"
  },
  Vary: { description: "The request headers that the response depends on.", schema: { type: "string" }, example: "X-API-Key" }
} as const satisfies Record<string, Header>

export type HeaderName = keyof typeof headers

const cachingHeaders = ["ETag", "Age", "Warning", "Cache-Control", "Vary"] as const

/** The operations whose responses have a tag: a client that has the data already gets 304. */
export const conditionalOperations: ReadonlySet<string> = new Set([
  "listDevices",
  "getDevice",
  "listDeviceTypes",
  "listAssets",
  "getAsset",
  "listAssetTypes",
  "listTelemetryKeys",
  "getLatestTelemetry",
  "readAttributes"
])

/** Headers of the success of single operations, by `operationId`. */
const ofOperations: Readonly<Record<string, ReadonlyArray<HeaderName>>> = {
  getTelemetry: ["X-Keys-Skipped"],
  exportTelemetry: ["X-Keys-Skipped"],
  exportTelemetryOfMany: ["X-Keys-Skipped"]
}

export const successHeaders = (operationId: string, status: number): ReadonlyArray<HeaderName> =>
  status === 202
    ? ["Location", "Preference-Applied"]
    : conditionalOperations.has(operationId)
      ? cachingHeaders
      : (ofOperations[operationId] ?? [])

const rateLimitHeaders = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"] as const

export const headerRefs = (...names: ReadonlyArray<HeaderName>): Record<string, Ref> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

/** The headers of every response that counts against a rate limit. */
export const rateLimitedHeaders = (...more: ReadonlyArray<HeaderName>) => headerRefs("X-Request-Id", ...more, ...rateLimitHeaders)

export const notModified: Response = {
  description: "The client has the data already: the tag in `If-None-Match` is that of the current data. There is no body.",
  headers: rateLimitedHeaders(...cachingHeaders)
}
