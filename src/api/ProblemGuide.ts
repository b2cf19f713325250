/**
 * What each problem means and what to do about it: the one table behind `/errors/<name>`, docs/errors.md and the examples of openapi.json.
 * A problem without an entry does not compile.
 */
import { Schema } from "effect"
import * as Problems from "./Problems.ts"
import { type Problem, problemBase } from "./Problems.ts"

type NameOf<Type> = Type extends `${typeof problemBase}${infer Name}` ? Name : never

/** The last part of a problem's `type`. */
export type ProblemName = NameOf<Problem["type"]>

export interface Guide {
  /** When the gateway answers so, in one or two sentences. */
  readonly meaning: string
  /** What the caller can do, most likely first. */
  readonly remedies: ReadonlyArray<string>
  readonly example: Problem
}

const common = <Details>(detail: string, details: Details) => ({
  detail,
  message: detail,
  instance: "0f2a6f4e-6f0b-4d0a-9d0e-3a1c2b7d5e90",
  timestamp: 1_700_000_000_000,
  details
})

const deviceId = "784f394c-42b6-435a-983c-b7beff2784f9"

export const problemGuide: { readonly [Name in ProblemName]: Guide } = {
  "invalid-request": {
    meaning: "A parameter, a header or the body is not what the endpoint takes. Nothing was read or stored.",
    remedies: [
      "Look at `details.errors`: it names every fault at once, each with its place (`query.page_size`, `body.keys.0`) and with what was expected.",
      "Parameters and members that the endpoint does not know are refused as well: check their spelling."
    ],
    example: new Problems.InvalidRequest(
      common("The request is not valid; details.errors names every fault.", {
        errors: [
          { field: "query.page_size", issue: "Expected a value between 1 and 1000" },
          { field: "query.sort", issue: 'Expected "created_time" | "name" | "type" | "label"' }
        ]
      })
    )
  },
  unauthenticated: {
    meaning: "The request has no key, or one that is unknown, disabled or expired.",
    remedies: ["Send the key in the header `X-API-Key`.", "Ask the operator of the gateway for a key, or whether yours still holds."],
    example: new Problems.Unauthenticated(common("This path needs a key in the header X-API-Key.", {}))
  },
  forbidden: {
    meaning: "The key is good, but it does not have the right that this endpoint needs.",
    remedies: ["Ask the operator for a key with the scope that `details.required_scope` names."],
    example: new Problems.Forbidden(common("This key lacks the scope telemetry:write.", { required_scope: "telemetry:write" }))
  },
  "route-not-found": {
    meaning: "The gateway has nothing at this path.",
    remedies: [
      "Check the path: the API begins with `/api/v1/tb`, ids are UUIDs.",
      "`GET /` tells where things are, `/docs` lists all endpoints."
    ],
    example: new Problems.RouteNotFound(common("There is nothing at this path. GET / tells where things are.", {}))
  },
  "device-not-found": {
    meaning: "No device has this id, or the key may not see it. The two are never told apart.",
    remedies: ["Look the id up with `GET /api/v1/tb/devices?text_search=…`.", "Check that the key may see the device."],
    example: new Problems.DeviceNotFound(common(`No device has the id ${deviceId}, or this key may not see it.`, { device_id: deviceId }))
  },
  "asset-not-found": {
    meaning: "No asset has this id, or the key may not see it. The two are never told apart.",
    remedies: ["Look the id up with `GET /api/v1/tb/assets?text_search=…`.", "Check that the key may see the asset."],
    example: new Problems.AssetNotFound(common(`No asset has the id ${deviceId}, or this key may not see it.`, { asset_id: deviceId }))
  },
  "entity-not-found": {
    meaning: "No entity of this type has this id, or the key may not see it. The two are never told apart.",
    remedies: ["Check that `root_type` is the type of the entity whose id you gave: the id of an asset is not found among devices."],
    example: new Problems.EntityNotFound(
      common(`No DEVICE has the id ${deviceId}, or this key may not see it.`, { entity_type: "DEVICE", entity_id: deviceId })
    )
  },
  "method-not-allowed": {
    meaning: "The path exists, but not with this method.",
    remedies: ["Use one of the methods that the header `Allow` and `details.allow` name."],
    example: new Problems.MethodNotAllowed(
      common("This path does not take DELETE; it takes GET, HEAD, OPTIONS.", { allow: ["GET", "HEAD", "OPTIONS"] })
    )
  },
  "request-timeout": {
    meaning:
      "The body did not arrive in the time that the gateway gives it, or a CSV or NDJSON body was silent for so long. The connection is closed.",
    remedies: [
      "Send the request again; over a slow line send less at once, or CSV or NDJSON, which may take any time as long as it goes on.",
      "Of a CSV or NDJSON body the rows that came are stored: sending them again does no harm, since every point has its time.",
      "The operator can raise `BODY_TIMEOUT`."
    ],
    example: new Problems.RequestTimeout(common("The body did not arrive within 30 s (BODY_TIMEOUT).", { timeout_ms: 30_000 }))
  },
  conflict: {
    meaning: "The request does not fit the present state of what it is about.",
    remedies: ["Read the state anew, then decide whether to send the request again."],
    example: new Problems.Conflict(common("Someone else changed this in the meantime.", {}))
  },
  "payload-too-large": {
    meaning: "The body is larger than the gateway takes in one piece.",
    remedies: [
      "Send fewer points a request.",
      "Send the points as CSV or NDJSON: such bodies are read as a stream and may be of any length.",
      "The operator can raise `MAX_BODY_SIZE`."
    ],
    example: new Problems.PayloadTooLarge(common("The body is larger than this gateway takes (MAX_BODY_SIZE).", { max_bytes: 10_485_760 }))
  },
  "uri-too-long": {
    meaning: "Path and query together are longer than the gateway takes.",
    remedies: [
      "Name fewer keys, or use an endpoint that takes them in a body: `POST …/telemetry/query`, `POST telemetry/latest`, `POST telemetry/export`.",
      "The operator can raise `MAX_URL_LENGTH`. What is more than twice too large, headers included, is answered 431 without a body."
    ],
    example: new Problems.UriTooLong(common("Path and query are longer than 8192 characters (MAX_URL_LENGTH).", { max_length: 8192 }))
  },
  "unsupported-media-type": {
    meaning: "The endpoint does not take a body of this `Content-Type`, or the body is compressed.",
    remedies: [
      "Send one of the types in `details.accepted`, and name it in the header `Content-Type`.",
      "Send bodies as they are, without `Content-Encoding`."
    ],
    example: new Problems.UnsupportedMediaType(
      common("This path does not take a body of this Content-Type.", { accepted: ["application/json"] })
    )
  },
  "rate-limited": {
    meaning: "The key, or the address of requests without a valid key, has used up its requests for now.",
    remedies: [
      "Wait as many seconds as the header `Retry-After` and the member `retry_after` say, then go on.",
      "`X-RateLimit-Remaining` on every answer tells how many requests are left: slow down before it is 0.",
      "Ask for many devices at once: `POST telemetry/latest`, `POST telemetry/export` and `POST telemetry/bulk` count as one request each."
    ],
    example: new Problems.RateLimited({ ...common("Rate limit exceeded: try again in 12 s.", {}), retry_after: 12 })
  },
  "headers-too-large": {
    meaning: "The headers of the request are larger than the gateway takes.",
    remedies: [
      "Send fewer or shorter headers: the API needs no cookies.",
      "The operator can raise `MAX_HEADER_SIZE`. What is more than twice too large, path and query included, or has 200 headers, is answered 431 without a body."
    ],
    example: new Problems.HeadersTooLarge(common("The headers are larger than 8192 bytes (MAX_HEADER_SIZE).", { max_bytes: 8192 }))
  },
  "internal-error": {
    meaning: "The gateway itself failed: this is a bug of it, not a fault of the request.",
    remedies: ["Tell the operator the request id (`instance`, also in the header `X-Request-Id`): the log has the reason under it."],
    example: new Problems.InternalError(common("The gateway failed unexpectedly; its log has the reason under this request's id.", {}))
  },
  "upstream-error": {
    meaning: "ThingsBoard answered in a way that the gateway cannot use.",
    remedies: ["Try again later.", "Tell the operator the request id: the gateway's log has what ThingsBoard said."],
    example: new Problems.UpstreamError(common("ThingsBoard answered in a way that the gateway cannot use.", {}))
  },
  "upstream-unavailable": {
    meaning: "ThingsBoard cannot be reached, does not let the gateway log in, or has used up its own rate limit.",
    remedies: [
      "Try again after as many seconds as the header `Retry-After` says.",
      "`GET /ready` tells what is missing; the operator's `boardwalk doctor` tells why."
    ],
    example: new Problems.UpstreamUnavailable({ ...common("ThingsBoard cannot be reached at the moment.", {}), retry_after: 5 })
  },
  "upstream-timeout": {
    meaning: "ThingsBoard did not answer in the time that the gateway gives it.",
    remedies: ["Ask for less at once: fewer keys, a shorter range, a smaller page.", "The operator can raise `TB_TIMEOUT`."],
    example: new Problems.UpstreamTimeout(common("ThingsBoard did not answer in time (TB_TIMEOUT).", {}))
  }
}

/** Every problem as a schema. */
export const AnyProblem = Schema.Union([
  Problems.InvalidRequest,
  Problems.Unauthenticated,
  Problems.Forbidden,
  Problems.RouteNotFound,
  Problems.DeviceNotFound,
  Problems.AssetNotFound,
  Problems.EntityNotFound,
  Problems.MethodNotAllowed,
  Problems.RequestTimeout,
  Problems.Conflict,
  Problems.PayloadTooLarge,
  Problems.UriTooLong,
  Problems.UnsupportedMediaType,
  Problems.RateLimited,
  Problems.HeadersTooLarge,
  Problems.InternalError,
  Problems.UpstreamError,
  Problems.UpstreamUnavailable,
  Problems.UpstreamTimeout
])

const encode = Schema.encodeSync(AnyProblem)

/** A guide's example as it stands in an answer. */
export const exampleBody = ({ example }: Guide): typeof AnyProblem.Encoded => encode(example)

const statusOf = (name: ProblemName): number => problemGuide[name].example.status

/** The guide's entries in the order of their status. */
export const problemNames = (Object.keys(problemGuide) as ReadonlyArray<ProblemName>).toSorted(
  (a, b) => statusOf(a) - statusOf(b) || a.localeCompare(b)
)
