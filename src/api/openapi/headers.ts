/** Headers of answers. */
import type { Header, Ref } from "./model.ts"

const integer = { type: "integer", format: "int32", minimum: 0 } as const

export const headers = {
  "X-Request-Id": {
    description: "Id of the request: the caller's own when it sent a well-formed one, else a new one. The gateway's log has it too.",
    required: true,
    schema: { type: "string", pattern: "^[\\w.-]{1,128}$" },
    example: "0f2a6f4e-6f0b-4d0a-9d0e-3a1c2b7d5e90"
  },
  "X-RateLimit-Limit": { description: "Requests that the key has in a window.", schema: integer, example: 100 },
  "X-RateLimit-Remaining": { description: "Requests that are left.", schema: integer, example: 87 },
  "X-RateLimit-Reset": {
    description: "When all requests are there again, in seconds since the Unix epoch.",
    schema: { type: "integer", format: "int64", minimum: 0 },
    example: 1_700_000_060
  },
  RateLimit: {
    description: "The same in the form of the IETF draft: `r` requests left, all again in `t` seconds.",
    schema: { type: "string" },
    example: '"default";r=87;t=8'
  },
  "RateLimit-Policy": {
    description: "The limit in the form of the IETF draft: `q` requests in `w` seconds.",
    schema: { type: "string" },
    example: '"default";q=100;w=60'
  },
  "Retry-After": { description: "Seconds to wait before the next try.", schema: integer, example: 12 },
  Allow: { description: "The methods that the path takes.", schema: { type: "string" }, example: "GET, HEAD, OPTIONS" },
  "Content-Disposition": {
    description: "A name for the file.",
    schema: { type: "string" },
    example: 'attachment; filename="telemetry.csv"'
  }
} as const satisfies Record<string, Header>

export type HeaderName = keyof typeof headers

const limited = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit", "RateLimit-Policy"] as const

export const headerRefs = (...names: ReadonlyArray<HeaderName>): Record<string, Ref> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))

/** What an answer of an endpoint that counts requests has. */
export const rateLimitedHeaders = (...more: ReadonlyArray<HeaderName>) => headerRefs("X-Request-Id", ...more, ...limited)
