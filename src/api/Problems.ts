/**
 * All errors of the API, as RFC 9457 problems with the additional fields that clients of the FastAPI proxy read.
 *
 * `type` identifies the problem and never changes: it is the path of the page that the gateway serves about the problem, `/errors/<name>`.
 * `message` repeats `detail`. A problem must not contain text from ThingsBoard, a stack trace, a secret or a host name.
 */
import { Schema } from "effect"
import { FieldError } from "../domain/Errors.ts"
import { defineProblem } from "./defineProblem.ts"

/** Every problem's `type` starts with this, and in responses with the gateway's PUBLIC_URL before it. */
export const problemBase = "/errors/"

const problemType = <const Name extends string>(name: Name): `${typeof problemBase}${Name}` => `${problemBase}${name}`

const noDetails = Schema.Struct({})

const retryAfter = Schema.Int.annotate({ description: "Seconds to wait before the next request." })

/** The fields that every problem has. */
const problemFields = <const Code extends string, Details extends Schema.Top>(code: Code, details: Details) => ({
  detail: Schema.String.annotate({ description: "What went wrong, and what to do about it." }),
  instance: Schema.String.annotate({ description: "Id of the request, as in the header `X-Request-Id`." }),
  message: Schema.String.annotate({ description: "The same sentence as `detail`." }),
  error_code: Schema.tag(code),
  timestamp: Schema.Int.annotate({ description: "Time of the error, in ms since the Unix epoch." }),
  details
})

export class InvalidRequest extends defineProblem<InvalidRequest>()(
  "InvalidRequest",
  { type: problemType("invalid-request"), status: 400, title: "Invalid request" },
  problemFields(
    "VALIDATION_ERROR",
    Schema.Struct({ errors: Schema.Array(FieldError).annotate({ description: "Every invalid field of the request." }) })
  )
) {}

export class Unauthenticated extends defineProblem<Unauthenticated>()(
  "Unauthenticated",
  { type: problemType("unauthenticated"), status: 401, title: "Authentication required" },
  problemFields("AUTHENTICATION_FAILED", noDetails)
) {}

export class Forbidden extends defineProblem<Forbidden>()(
  "Forbidden",
  { type: problemType("forbidden"), status: 403, title: "Not allowed" },
  problemFields(
    "AUTHORIZATION_FAILED",
    Schema.Struct({ required_scope: Schema.optionalKey(Schema.String.annotate({ description: "Scope that the key needs." })) })
  )
) {}

export class RouteNotFound extends defineProblem<RouteNotFound>()(
  "RouteNotFound",
  { type: problemType("route-not-found"), status: 404, title: "No such path" },
  problemFields("RESOURCE_NOT_FOUND", noDetails)
) {}

export class DeviceNotFound extends defineProblem<DeviceNotFound>()(
  "DeviceNotFound",
  { type: problemType("device-not-found"), status: 404, title: "Device not found" },
  problemFields("RESOURCE_NOT_FOUND", Schema.Struct({ device_id: Schema.String.annotate({ description: "Id of the device." }) }))
) {}

export class AssetNotFound extends defineProblem<AssetNotFound>()(
  "AssetNotFound",
  { type: problemType("asset-not-found"), status: 404, title: "Asset not found" },
  problemFields("RESOURCE_NOT_FOUND", Schema.Struct({ asset_id: Schema.String.annotate({ description: "Id of the asset." }) }))
) {}

export class EntityNotFound extends defineProblem<EntityNotFound>()(
  "EntityNotFound",
  { type: problemType("entity-not-found"), status: 404, title: "Entity not found" },
  problemFields(
    "RESOURCE_NOT_FOUND",
    Schema.Struct({
      entity_type: Schema.String.annotate({ description: "Type of the entity." }),
      entity_id: Schema.String.annotate({ description: "Id of the entity." })
    })
  )
) {}

export class MethodNotAllowed extends defineProblem<MethodNotAllowed>()(
  "MethodNotAllowed",
  { type: problemType("method-not-allowed"), status: 405, title: "Method not allowed" },
  problemFields(
    "METHOD_NOT_ALLOWED",
    Schema.Struct({ allow: Schema.Array(Schema.String).annotate({ description: "The methods that the path supports." }) })
  )
) {}

export class RequestTimeout extends defineProblem<RequestTimeout>()(
  "RequestTimeout",
  { type: problemType("request-timeout"), status: 408, title: "Request not received in time" },
  problemFields("VALIDATION_ERROR", Schema.Struct({ timeout_ms: Schema.Int.annotate({ description: "The timeout in ms." }) }))
) {}

export class RequestInProgress extends defineProblem<RequestInProgress>()(
  "RequestInProgress",
  { type: problemType("request-in-progress"), status: 409, title: "Request in progress" },
  {
    ...problemFields("REQUEST_IN_PROGRESS", noDetails),
    retry_after: retryAfter
  }
) {}

export class PayloadTooLarge extends defineProblem<PayloadTooLarge>()(
  "PayloadTooLarge",
  { type: problemType("payload-too-large"), status: 413, title: "Payload too large" },
  problemFields(
    "PAYLOAD_TOO_LARGE",
    Schema.Struct({ max_bytes: Schema.optionalKey(Schema.Int.annotate({ description: "The limit in bytes." })) })
  )
) {}

export class UriTooLong extends defineProblem<UriTooLong>()(
  "UriTooLong",
  { type: problemType("uri-too-long"), status: 414, title: "Path and query too long" },
  problemFields("PAYLOAD_TOO_LARGE", Schema.Struct({ max_length: Schema.Int.annotate({ description: "The limit in characters." }) }))
) {}

export class UnsupportedMediaType extends defineProblem<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  { type: problemType("unsupported-media-type"), status: 415, title: "Unsupported media type" },
  problemFields(
    "UNSUPPORTED_MEDIA_TYPE",
    Schema.Struct({ accepted: Schema.Array(Schema.String).annotate({ description: "The media types that the path supports." }) })
  )
) {}

export class IdempotencyKeyReused extends defineProblem<IdempotencyKeyReused>()(
  "IdempotencyKeyReused",
  { type: problemType("idempotency-key-reused"), status: 422, title: "Idempotency key used for another request" },
  problemFields("IDEMPOTENCY_KEY_REUSED", noDetails)
) {}

export class RateLimited extends defineProblem<RateLimited>()(
  "RateLimited",
  { type: problemType("rate-limited"), status: 429, title: "Rate limit exceeded" },
  {
    ...problemFields("RATE_LIMIT_EXCEEDED", noDetails),
    error: Schema.tag("Rate limit exceeded"),
    retry_after: retryAfter
  }
) {}

export class HeadersTooLarge extends defineProblem<HeadersTooLarge>()(
  "HeadersTooLarge",
  { type: problemType("headers-too-large"), status: 431, title: "Headers too large" },
  problemFields("PAYLOAD_TOO_LARGE", Schema.Struct({ max_bytes: Schema.Int.annotate({ description: "The limit in bytes." }) }))
) {}

export class InternalError extends defineProblem<InternalError>()(
  "InternalError",
  { type: problemType("internal-error"), status: 500, title: "Internal error" },
  problemFields("INTERNAL_ERROR", noDetails)
) {}

export class UpstreamError extends defineProblem<UpstreamError>()(
  "UpstreamError",
  { type: problemType("upstream-error"), status: 502, title: "ThingsBoard failed" },
  problemFields("UPSTREAM_ERROR", noDetails)
) {}

export class UpstreamUnavailable extends defineProblem<UpstreamUnavailable>()(
  "UpstreamUnavailable",
  { type: problemType("upstream-unavailable"), status: 503, title: "ThingsBoard is not available" },
  {
    ...problemFields("UPSTREAM_UNAVAILABLE", noDetails),
    retry_after: Schema.optionalKey(retryAfter)
  }
) {}

export class Overloaded extends defineProblem<Overloaded>()(
  "Overloaded",
  { type: problemType("overloaded"), status: 503, title: "Gateway overloaded" },
  {
    ...problemFields("OVERLOADED", noDetails),
    retry_after: retryAfter
  }
) {}

export class IdempotencyUnavailable extends defineProblem<IdempotencyUnavailable>()(
  "IdempotencyUnavailable",
  { type: problemType("idempotency-unavailable"), status: 503, title: "Idempotency keys are not available" },
  {
    ...problemFields("IDEMPOTENCY_UNAVAILABLE", noDetails),
    retry_after: retryAfter
  }
) {}

export class SpoolUnavailable extends defineProblem<SpoolUnavailable>()(
  "SpoolUnavailable",
  { type: problemType("spool-unavailable"), status: 503, title: "Queue of uploads not available" },
  {
    ...problemFields("SPOOL_UNAVAILABLE", noDetails),
    retry_after: retryAfter
  }
) {}

export class UpstreamTimeout extends defineProblem<UpstreamTimeout>()(
  "UpstreamTimeout",
  { type: problemType("upstream-timeout"), status: 504, title: "ThingsBoard did not answer in time" },
  problemFields("UPSTREAM_TIMEOUT", noDetails)
) {}

export class BatchNotFound extends defineProblem<BatchNotFound>()(
  "BatchNotFound",
  { type: problemType("batch-not-found"), status: 404, title: "Batch not found" },
  problemFields("RESOURCE_NOT_FOUND", Schema.Struct({ batch_id: Schema.String.annotate({ description: "Id of the batch." }) }))
) {}

export class SpoolFull extends defineProblem<SpoolFull>()(
  "SpoolFull",
  { type: problemType("spool-full"), status: 507, title: "No room for queued uploads" },
  {
    ...problemFields(
      "SPOOL_FULL",
      Schema.Struct({
        limit: Schema.Literals(["bytes", "age", "disk", "memory"]).annotate({
          identifier: "SpoolLimit",
          description:
            "`bytes`: SPOOL_MAX_BYTES is reached. `age`: the oldest points have waited for SPOOL_MAX_AGE. `disk`: the disk is full. `memory`: Redis has no free memory."
        })
      })
    ),
    retry_after: retryAfter
  }
) {}

/** The problems of every endpoint that can queue an upload. */
export const queueProblems = [SpoolUnavailable, SpoolFull] as const

/** The problems of every endpoint that calls ThingsBoard. */
export const upstreamProblems = [UpstreamError, UpstreamUnavailable, UpstreamTimeout, Overloaded] as const

/** The problems of every endpoint with a body. */
export const bodyProblems = [InvalidRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, Overloaded] as const

/** Every problem. */
export const Problem = Schema.Union([
  InvalidRequest,
  Unauthenticated,
  Forbidden,
  RouteNotFound,
  DeviceNotFound,
  AssetNotFound,
  EntityNotFound,
  BatchNotFound,
  MethodNotAllowed,
  RequestTimeout,
  RequestInProgress,
  PayloadTooLarge,
  UriTooLong,
  UnsupportedMediaType,
  IdempotencyKeyReused,
  RateLimited,
  HeadersTooLarge,
  InternalError,
  UpstreamError,
  UpstreamUnavailable,
  Overloaded,
  IdempotencyUnavailable,
  SpoolUnavailable,
  UpstreamTimeout,
  SpoolFull
])
export type Problem = typeof Problem.Type
