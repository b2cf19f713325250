/**
 * What each problem means and what to do about it. The pages at `/errors/<name>`, docs/errors.md and the examples in openapi.json are all
 * generated from this table. A problem without an entry does not compile.
 */
import { Schema } from "effect"
import * as Problems from "./Problems.ts"
import { Problem, type problemBase } from "./Problems.ts"

type NameOf<Type> = Type extends `${typeof problemBase}${infer Name}` ? Name : never

/** The last part of a problem's `type`. */
export type ProblemName = NameOf<Problem["type"]>

/** In `meaning` and `remedies`, backquotes mark code; there is no other markup. */
export interface Guide {
  /** When the gateway returns the problem, in one to three sentences. */
  readonly meaning: string
  /** What the caller or the operator can do, the most likely remedy first. */
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
    meaning: "A parameter, a header or the body is not valid. Nothing was read or stored.",
    remedies: [
      "See `details.errors`: it lists every error, each with the path of the field (`query.page_size`, `path.device_id`, `body.temperature[0].ts`, `header.host`) and what was expected.",
      "Parameters and fields that the endpoint does not know are also rejected: check their spelling."
    ],
    example: new Problems.InvalidRequest(
      common("The request is not valid; details.errors lists every error.", {
        errors: [
          { field: "query.page_size", issue: "Expected a value between 1 and 1000" },
          { field: "query.sort", issue: "Expected one of created_time, name, type, label" }
        ]
      })
    )
  },
  unauthenticated: {
    meaning:
      "The request has no key, or its key is unknown, disabled or expired, or may not be used from this address. The key may also have ended while the request ran.",
    remedies: ["Send the key in the header `X-API-Key`.", "Ask the operator of the gateway for a key, or whether your key is still valid."],
    example: new Problems.Unauthenticated(common("This path needs a key in the header X-API-Key.", {}))
  },
  forbidden: {
    meaning: "The key is valid, but it does not have the scope that this endpoint requires, or lost rights while the request ran.",
    remedies: [
      "Ask the operator for a key with the scope in `details.required_scope`, if there is one.",
      "Otherwise send the request again: the response then says what the key may not do anymore."
    ],
    example: new Problems.Forbidden(common("This key does not have the scope telemetry:write.", { required_scope: "telemetry:write" }))
  },
  "route-not-found": {
    meaning: "The gateway has no endpoint at this path.",
    remedies: [
      "Check the path: the API starts at `/api/v1/tb`, and ids are UUIDs.",
      "`GET /` returns the entry points of the gateway; `/docs` lists all endpoints."
    ],
    example: new Problems.RouteNotFound(common("There is no endpoint at this path. GET / lists the entry points.", {}))
  },
  "device-not-found": {
    meaning: "No device has this id, or the key may not see it. Both cases return the same response.",
    remedies: ["Search for the device with `GET /api/v1/tb/devices?text_search=…`.", "Check that the key may see the device."],
    example: new Problems.DeviceNotFound(common(`No device has the id ${deviceId}, or this key may not see it.`, { device_id: deviceId }))
  },
  "asset-not-found": {
    meaning: "No asset has this id, or the key may not see it. Both cases return the same response.",
    remedies: ["Search for the asset with `GET /api/v1/tb/assets?text_search=…`.", "Check that the key may see the asset."],
    example: new Problems.AssetNotFound(common(`No asset has the id ${deviceId}, or this key may not see it.`, { asset_id: deviceId }))
  },
  "entity-not-found": {
    meaning: "No entity of this type has this id, or the key may not see it. Both cases return the same response.",
    remedies: ["Check that `root_type` is the type of the entity: the id of an asset is not found if `root_type` is DEVICE."],
    example: new Problems.EntityNotFound(
      common(`No DEVICE has the id ${deviceId}, or this key may not see it.`, { entity_type: "DEVICE", entity_id: deviceId })
    )
  },
  "batch-not-found": {
    meaning: "No queued upload has this id, or another key uploaded it, or it finished some time ago. All cases return the same response.",
    remedies: [
      "Check the id: it is the `batch_id` in the response to the upload, and the end of its `Location`.",
      "Use the key that uploaded it, and ask the same gateway, unless the gateways share their queue in Redis (`SPOOL_REDIS_URL`).",
      "Finished uploads are forgotten after `SPOOL_KEEP`, seven days by default."
    ],
    example: new Problems.BatchNotFound(
      common(`No batch has the id ${deviceId}, or another key uploaded it, or it finished longer ago than SPOOL_KEEP.`, {
        batch_id: deviceId
      })
    )
  },
  "method-not-allowed": {
    meaning: "The path exists, but not with this method.",
    remedies: ["Use one of the methods in the header `Allow` and in `details.allow`."],
    example: new Problems.MethodNotAllowed(
      common("This path does not support DELETE; it supports GET, HEAD, OPTIONS.", { allow: ["GET", "HEAD", "OPTIONS"] })
    )
  },
  "request-timeout": {
    meaning:
      "The body did not arrive within the timeout, or a file that is imported sent no data for that long. The gateway closes the connection.",
    remedies: [
      "Send the request again. On a slow connection, send smaller bodies, or import a file (`POST …/telemetry/import`), which may take any time as long as data keeps arriving.",
      "The rows of a file that arrived are stored. Sending them again is safe, since every point has its own time.",
      "The operator can raise `BODY_TIMEOUT`."
    ],
    example: new Problems.RequestTimeout(common("The body did not arrive within 30 s (BODY_TIMEOUT).", { timeout_ms: 30_000 }))
  },
  "request-in-progress": {
    meaning: "An earlier request with the same `Idempotency-Key` is still running. This one was not carried out.",
    remedies: [
      "Send the request again, with the same key, after the seconds in the header `Retry-After`: it then gets the response of the first one.",
      "If the gateway that handled the first request was killed, the key is free again after half a minute.",
      "For another request, use another key."
    ],
    example: new Problems.RequestInProgress({
      ...common("A request with this Idempotency-Key is still running: send this one again in 1 s.", {}),
      retry_after: 1
    })
  },
  "payload-too-large": {
    meaning: "The body is larger than the gateway's limit.",
    remedies: [
      "Send fewer points per request.",
      "Import the points as a CSV or NDJSON file (`POST …/telemetry/import`): it is read as a stream, so it can have any length.",
      "The operator can raise `MAX_BODY_SIZE`."
    ],
    example: new Problems.PayloadTooLarge(common("The body is larger than the limit (MAX_BODY_SIZE).", { max_bytes: 10_485_760 }))
  },
  "uri-too-long": {
    meaning: "Path and query together are longer than the gateway's limit.",
    remedies: [
      "Name fewer keys, or use an endpoint that takes them in a body: `POST …/telemetry/query`, `POST telemetry/latest`, `POST telemetry/export`.",
      "The operator can raise `MAX_URL_LENGTH`. A request that is more than twice too large, including its headers, gets status 431 without a body."
    ],
    example: new Problems.UriTooLong(common("Path and query are longer than 8192 characters (MAX_URL_LENGTH).", { max_length: 8192 }))
  },
  "unsupported-media-type": {
    meaning: "The endpoint does not support a body of this `Content-Type`, or the body is compressed.",
    remedies: [
      "Send one of the types in `details.accepted`, and declare it in the header `Content-Type`.",
      "Send bodies uncompressed, without `Content-Encoding`."
    ],
    example: new Problems.UnsupportedMediaType(
      common("This path does not support this Content-Type; it supports application/json.", { accepted: ["application/json"] })
    )
  },
  "idempotency-key-reused": {
    meaning:
      "An earlier request of this API key to the same operation had the same `Idempotency-Key`, and another path, query, `Content-Type` or body. This one was not carried out.",
    remedies: [
      "Use a new key, such as a random UUID, for each new request.",
      "To repeat a request, send exactly the same bytes: build the body once and keep it."
    ],
    example: new Problems.IdempotencyKeyReused(
      common("This Idempotency-Key was used for another request: use a new key for each new request.", {})
    )
  },
  "rate-limited": {
    meaning:
      "The key has used up its requests for now, or too many of its requests or exports are running at once. Without a valid key, the limit applies to the client's IP address.",
    remedies: [
      "Wait for the seconds in the header `Retry-After` and the field `retry_after`, then continue.",
      "`X-RateLimit-Remaining` in each response is the number of remaining requests: slow down before it reaches 0.",
      "Combine requests for many devices: `POST telemetry/latest`, `POST telemetry/export` and `POST telemetry/bulk` count as one request each."
    ],
    example: new Problems.RateLimited({ ...common("Rate limit exceeded: try again in 12 s.", {}), retry_after: 12 })
  },
  "headers-too-large": {
    meaning: "The headers of the request are larger than the gateway's limit.",
    remedies: [
      "Send fewer or shorter headers. The API needs no cookies.",
      "The operator can raise `MAX_HEADER_SIZE`. A request that is more than twice too large, including path and query, or that has 200 headers, gets status 431 without a body."
    ],
    example: new Problems.HeadersTooLarge(common("The headers are larger than 8192 bytes (MAX_HEADER_SIZE).", { max_bytes: 8192 }))
  },
  "internal-error": {
    meaning: "The gateway failed. This is a bug in the gateway, not an error in the request.",
    remedies: [
      "Send the operator the request id (`instance`, also in the header `X-Request-Id`): the gateway's log has the cause under this id."
    ],
    example: new Problems.InternalError(common("The gateway failed unexpectedly; its log has the cause under this request's id.", {}))
  },
  "upstream-error": {
    meaning:
      "ThingsBoard failed, or the response was not ThingsBoard's, such as a proxy's login page. If the request was a write, it is not known to be stored.",
    remedies: [
      "Try again later. Sending telemetry again is safe, since every point has its own time.",
      "Send the operator the request id: the gateway's log has ThingsBoard's response."
    ],
    example: new Problems.UpstreamError(common("ThingsBoard returned a response that the gateway cannot use.", {}))
  },
  "upstream-unavailable": {
    meaning: "ThingsBoard is not reachable, rejects the gateway's login, or has reached its own rate limit.",
    remedies: [
      "Try again after the seconds in the header `Retry-After`.",
      "`GET /ready` shows which dependency is not available; for the operator, `boardwalk doctor` shows why."
    ],
    example: new Problems.UpstreamUnavailable({ ...common("ThingsBoard is not reachable at the moment.", {}), retry_after: 5 })
  },
  overloaded: {
    meaning:
      "The gateway has no memory or time for the request at the moment, because too many large requests run at once, or too many calls to ThingsBoard are waiting. Nothing was read or stored, unless the request was the upload of CSV or NDJSON.",
    remedies: [
      "Try again after the seconds in the header `Retry-After`.",
      "Run fewer large requests at once, and request less per request: smaller pages, fewer keys and devices.",
      "The operator can give the gateway more memory (`MAX_MEMORY`, `MAX_BODY_MEMORY`, `MAX_RESPONSE_MEMORY`), or let it make more calls (`TB_MAX_CONNECTIONS`, `TB_MAX_QUEUE`); `GET /ready` shows whether it is overloaded."
    ],
    example: new Problems.Overloaded({
      ...common("The gateway has no memory for this request at the moment: try again in 5 s, or request less at once.", {}),
      retry_after: 5
    })
  },
  "idempotency-unavailable": {
    meaning:
      "The request has an `Idempotency-Key`, and the gateway cannot reach the Redis server that keeps the responses, so it cannot tell whether the request was made before. It was not carried out.",
    remedies: [
      "Try again, with the same key, after the seconds in the header `Retry-After`.",
      "Without the header the request is carried out. Points of telemetry have their own times, so that repeating it stores none twice.",
      "For operators: the log says why Redis (`REDIS_URL`) is unavailable, and `boardwalk doctor` checks it."
    ],
    example: new Problems.IdempotencyUnavailable({
      ...common("Idempotency keys cannot be checked at the moment: try again in 1 s.", {}),
      retry_after: 1
    })
  },
  "spool-unavailable": {
    meaning:
      "The queue of uploads cannot be used: its Redis server or its disk does not work at the moment. The upload is not acknowledged; it may have been accepted all the same.",
    remedies: [
      "Send the upload again after the seconds in the header `Retry-After`: every point has its own time, so that none is stored twice.",
      "For operators: the log says why the queue is unavailable, and `boardwalk doctor` checks it (`SPOOL_REDIS_URL`, `SPOOL_DIR`)."
    ],
    example: new Problems.SpoolUnavailable({
      ...common("The queue of uploads is not available at the moment: try again in 5 s.", {}),
      retry_after: 5
    })
  },
  "upstream-timeout": {
    meaning:
      "ThingsBoard did not respond within the gateway's timeout, or within the time that the client asked for. A write may be stored.",
    remedies: [
      "After a write of telemetry, send it again: every point has its own time, so that none is stored twice.",
      "Request less at once: fewer keys, a shorter time range, a smaller page.",
      "The operator can raise `TB_TIMEOUT` and `REQUEST_TIMEOUT`; a client can ask for more with `Prefer: wait`."
    ],
    example: new Problems.UpstreamTimeout(common("ThingsBoard did not respond in time (TB_TIMEOUT).", {}))
  },
  "spool-full": {
    meaning: "An upload cannot be queued, because there is no room for it. Nothing of it was accepted.",
    remedies: [
      "Send the upload again later; `Retry-After` says when to try.",
      "The operator can see with `boardwalk spool status` why points wait: ThingsBoard may have been away for long, or reject what it gets.",
      "The operator can raise `SPOOL_MAX_BYTES` or `SPOOL_MAX_AGE`, or free space on the disk or memory of Redis."
    ],
    example: new Problems.SpoolFull({
      ...common(
        "Too many points wait to be stored in ThingsBoard (SPOOL_MAX_BYTES). Nothing of this upload was accepted; try again later.",
        { limit: "bytes" as const }
      ),
      retry_after: 60
    })
  }
}

const encode = Schema.encodeSync(Problem)

/** The JSON body of a guide's example. */
export const exampleBody = ({ example }: Guide): typeof Problem.Encoded => encode(example)

const statusOf = (name: ProblemName): number => problemGuide[name].example.status

/** All problem names, sorted by status. */
export const problemNames = (Object.keys(problemGuide) as ReadonlyArray<ProblemName>).toSorted(
  (a, b) => statusOf(a) - statusOf(b) || a.localeCompare(b)
)
