/**
 * Everything that can go wrong, as RFC 9457 problems with the members that clients of the FastAPI proxy read beside them.
 *
 * `type` names the problem for good; the gateway serves a page about each at `/errors/<name>`. `message` repeats `detail`.
 * Nothing in here may hold text of ThingsBoard's, a stack, a secret or a host.
 */
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"
import { FieldError } from "../domain/Errors.ts"

/** Where a problem's `type` begins. */
export const problemBase = "https://boardwalk.example/errors/"

const type = <const Name extends string>(name: Name): `${typeof problemBase}${Name}` => `${problemBase}${name}`

const none = Schema.Struct({})

/** The members every problem has. */
const members = <const Code extends string, Details extends Schema.Top>(code: Code, details: Details) => ({
  detail: Schema.String.annotate({ description: "What went wrong, and what to do about it." }),
  instance: Schema.String.annotate({ description: "Id of the request, as in `X-Request-Id`." }),
  message: Schema.String.annotate({ description: "The same sentence as `detail`." }),
  error_code: Schema.tag(code),
  timestamp: Schema.Int.annotate({ description: "When it happened, ms." }),
  details
})

export class InvalidRequest extends HttpApiError.Problem<InvalidRequest>()(
  "InvalidRequest",
  { type: type("invalid-request"), status: 400, title: "Invalid request" },
  members("VALIDATION_ERROR", Schema.Struct({ errors: Schema.Array(FieldError) }))
) {}

export class Unauthenticated extends HttpApiError.Problem<Unauthenticated>()(
  "Unauthenticated",
  { type: type("unauthenticated"), status: 401, title: "Authentication required" },
  members("AUTHENTICATION_FAILED", none)
) {}

export class Forbidden extends HttpApiError.Problem<Forbidden>()(
  "Forbidden",
  { type: type("forbidden"), status: 403, title: "Not allowed" },
  members("AUTHORIZATION_FAILED", Schema.Struct({ required_scope: Schema.optionalKey(Schema.String) }))
) {}

export class RouteNotFound extends HttpApiError.Problem<RouteNotFound>()(
  "RouteNotFound",
  { type: type("route-not-found"), status: 404, title: "No such path" },
  members("RESOURCE_NOT_FOUND", none)
) {}

export class DeviceNotFound extends HttpApiError.Problem<DeviceNotFound>()(
  "DeviceNotFound",
  { type: type("device-not-found"), status: 404, title: "Device not found" },
  members("RESOURCE_NOT_FOUND", Schema.Struct({ device_id: Schema.String }))
) {}

export class AssetNotFound extends HttpApiError.Problem<AssetNotFound>()(
  "AssetNotFound",
  { type: type("asset-not-found"), status: 404, title: "Asset not found" },
  members("RESOURCE_NOT_FOUND", Schema.Struct({ asset_id: Schema.String }))
) {}

export class EntityNotFound extends HttpApiError.Problem<EntityNotFound>()(
  "EntityNotFound",
  { type: type("entity-not-found"), status: 404, title: "Entity not found" },
  members("RESOURCE_NOT_FOUND", Schema.Struct({ entity_type: Schema.String, entity_id: Schema.String }))
) {}

export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()(
  "MethodNotAllowed",
  { type: type("method-not-allowed"), status: 405, title: "Method not allowed" },
  members("METHOD_NOT_ALLOWED", Schema.Struct({ allow: Schema.Array(Schema.String) }))
) {}

export class RequestTimeout extends HttpApiError.Problem<RequestTimeout>()(
  "RequestTimeout",
  { type: type("request-timeout"), status: 408, title: "Request not received in time" },
  members("VALIDATION_ERROR", Schema.Struct({ timeout_ms: Schema.Int }))
) {}

export class Conflict extends HttpApiError.Problem<Conflict>()(
  "Conflict",
  { type: type("conflict"), status: 409, title: "Conflict" },
  members("CONFLICT", none)
) {}

export class PayloadTooLarge extends HttpApiError.Problem<PayloadTooLarge>()(
  "PayloadTooLarge",
  { type: type("payload-too-large"), status: 413, title: "Payload too large" },
  members("PAYLOAD_TOO_LARGE", Schema.Struct({ max_bytes: Schema.optionalKey(Schema.Int) }))
) {}

export class UriTooLong extends HttpApiError.Problem<UriTooLong>()(
  "UriTooLong",
  { type: type("uri-too-long"), status: 414, title: "Path and query too long" },
  members("PAYLOAD_TOO_LARGE", Schema.Struct({ max_length: Schema.Int }))
) {}

export class UnsupportedMediaType extends HttpApiError.Problem<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  { type: type("unsupported-media-type"), status: 415, title: "Unsupported media type" },
  members("UNSUPPORTED_MEDIA_TYPE", Schema.Struct({ accepted: Schema.Array(Schema.String) }))
) {}

export class RateLimited extends HttpApiError.Problem<RateLimited>()(
  "RateLimited",
  { type: type("rate-limited"), status: 429, title: "Rate limit exceeded" },
  {
    ...members("RATE_LIMIT_EXCEEDED", none),
    error: Schema.tag("Rate limit exceeded"),
    retry_after: Schema.Int.annotate({ description: "Seconds to wait." })
  }
) {}

export class HeadersTooLarge extends HttpApiError.Problem<HeadersTooLarge>()(
  "HeadersTooLarge",
  { type: type("headers-too-large"), status: 431, title: "Headers too large" },
  members("PAYLOAD_TOO_LARGE", Schema.Struct({ max_bytes: Schema.Int }))
) {}

export class InternalError extends HttpApiError.Problem<InternalError>()(
  "InternalError",
  { type: type("internal-error"), status: 500, title: "Internal error" },
  members("INTERNAL_ERROR", none)
) {}

export class UpstreamError extends HttpApiError.Problem<UpstreamError>()(
  "UpstreamError",
  { type: type("upstream-error"), status: 502, title: "ThingsBoard failed" },
  members("UPSTREAM_ERROR", none)
) {}

export class UpstreamUnavailable extends HttpApiError.Problem<UpstreamUnavailable>()(
  "UpstreamUnavailable",
  { type: type("upstream-unavailable"), status: 503, title: "ThingsBoard is not available" },
  { ...members("UPSTREAM_UNAVAILABLE", none), retry_after: Schema.optionalKey(Schema.Int.annotate({ description: "Seconds to wait." })) }
) {}

export class UpstreamTimeout extends HttpApiError.Problem<UpstreamTimeout>()(
  "UpstreamTimeout",
  { type: type("upstream-timeout"), status: 504, title: "ThingsBoard did not answer in time" },
  members("UPSTREAM_TIMEOUT", none)
) {}

/** What any call that needs ThingsBoard may answer. */
export const upstreamProblems = [UpstreamError, UpstreamUnavailable, UpstreamTimeout] as const

/** What any call with a body may answer. */
export const bodyProblems = [InvalidRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType] as const

export type Problem =
  | InvalidRequest
  | Unauthenticated
  | Forbidden
  | RouteNotFound
  | DeviceNotFound
  | AssetNotFound
  | EntityNotFound
  | MethodNotAllowed
  | RequestTimeout
  | Conflict
  | PayloadTooLarge
  | UriTooLong
  | UnsupportedMediaType
  | RateLimited
  | HeadersTooLarge
  | InternalError
  | UpstreamError
  | UpstreamUnavailable
  | UpstreamTimeout
