import type { HttpServerRequest } from "effect/http"

/** A header of a request. The framework's `headers` would first copy all of them, which few requests need. */
export const headerOf = (request: HttpServerRequest.HttpServerRequest, name: string): string | undefined =>
  request.source instanceof globalThis.Request ? (request.source.headers.get(name) ?? undefined) : request.headers[name]
