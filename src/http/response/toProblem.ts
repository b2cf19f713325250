/** Turns failures of services into the problems that clients get. ThingsBoard's own text goes only to the log, if anywhere. */
import { Effect, Match } from "effect"
import {
  AssetNotFound,
  DeviceNotFound,
  EntityNotFound as EntityNotFoundProblem,
  InvalidRequest,
  type Overloaded,
  UpstreamError,
  UpstreamTimeout,
  UpstreamUnavailable
} from "../../api/Problems.ts"
import { EntityNotFound, type FieldError, InvalidInput } from "../../domain/Errors.ts"
import { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { failWithProblem } from "./problem.ts"
import { failOverloaded, setRetryAfter } from "./overloaded.ts"
import { logThingsBoardFailure } from "../logging/securityLog.ts"

export type Upstream = Overloaded | UpstreamError | UpstreamTimeout | UpstreamUnavailable

const failUnavailable = (detail: string, retryAfter: number) =>
  Effect.andThen(
    setRetryAfter(retryAfter),
    failWithProblem(detail, (common) => new UpstreamUnavailable({ ...common, details: {}, retry_after: retryAfter }))
  )

/** ThingsBoard rejected the credentials, or a key has none to use. */
export const credentialsNotAccepted = failUnavailable(
  "ThingsBoard does not accept the gateway's credentials; the operator must check them.",
  30
)

const failOutOfMemory = failOverloaded(
  "The gateway has no memory for ThingsBoard's response at the moment (MAX_RESPONSE_MEMORY): try again in 5 s, or request less at once.",
  "response_memory"
)

const failUpstream = (detail: string) => failWithProblem(detail, (common) => new UpstreamError({ ...common, details: {} }))

const failWithUpstreamProblem = (error: ThingsBoardError): Effect.Effect<never, Upstream> =>
  Match.value(error.reason).pipe(
    Match.tag("Timeout", () =>
      failWithProblem("ThingsBoard did not respond in time (TB_TIMEOUT).", (common) => new UpstreamTimeout({ ...common, details: {} }))
    ),
    // A response with status 500 is a failure of ThingsBoard, not a sign that it is unavailable.
    Match.tag("Unavailable", ({ why }) => {
      if (why === "redirect")
        return failUpstream("ThingsBoard's address redirects elsewhere, which is not followed; the operator must check TB_HOST.")
      return why === "status" && error.status === 500
        ? failUpstream("ThingsBoard failed.")
        : failUnavailable("ThingsBoard is not reachable at the moment.", 5)
    }),
    Match.tag("LoginRefused", () => credentialsNotAccepted),
    Match.tag("RateLimited", ({ retryAfterMs = 10_000 }) =>
      failUnavailable("ThingsBoard's own rate limit is exceeded.", Math.ceil(retryAfterMs / 1000))
    ),
    Match.tag("Unsupported", () => failUpstream("This release of ThingsBoard cannot read keys with commas (4.3.1.1 and later can).")),
    Match.tag("ResponseTooLarge", ({ maxBytes }) =>
      failUpstream(
        `ThingsBoard's response is larger than ${maxBytes} bytes (TB_MAX_RESPONSE_SIZE): request less at once, such as fewer keys or a smaller page.`
      )
    ),
    Match.tag("OutOfMemory", () => failOutOfMemory),
    Match.tag("TooLarge", () => failUpstream("ThingsBoard rejected the amount of data in one call.")),
    Match.orElse(() => failUpstream("ThingsBoard returned a response that the gateway cannot use."))
  )

/** For calls that fail only because of ThingsBoard. */
export const asUpstreamProblem = (error: ThingsBoardError): Effect.Effect<never, Upstream> =>
  // That the gateway has no memory is no failure of ThingsBoard.
  error.reason._tag === "OutOfMemory" ? failOutOfMemory : Effect.andThen(logThingsBoardFailure(error), failWithUpstreamProblem(error))

export const asDeviceProblem = (error: EntityNotFound | ThingsBoardError): Effect.Effect<never, DeviceNotFound | Upstream> =>
  error._tag === "EntityNotFound"
    ? failWithProblem(
        `No device has the id ${error.id}, or this key may not see it.`,
        (common) => new DeviceNotFound({ ...common, details: { device_id: error.id } })
      )
    : asUpstreamProblem(error)

export const asAssetProblem = (error: EntityNotFound | ThingsBoardError): Effect.Effect<never, AssetNotFound | Upstream> =>
  error._tag === "EntityNotFound"
    ? failWithProblem(
        `No asset has the id ${error.id}, or this key may not see it.`,
        (common) => new AssetNotFound({ ...common, details: { asset_id: error.id } })
      )
    : asUpstreamProblem(error)

export const asEntityProblem = (error: EntityNotFound | ThingsBoardError): Effect.Effect<never, EntityNotFoundProblem | Upstream> =>
  error._tag === "EntityNotFound"
    ? failWithProblem(
        `No ${error.entityType} has the id ${error.id}, or this key may not see it.`,
        (common) => new EntityNotFoundProblem({ ...common, details: { entity_type: error.entityType, entity_id: error.id } })
      )
    : asUpstreamProblem(error)

/** Services name a parameter without its place, since they are the same for endpoints that take it in the query and in the body. */
const locate = (slot: "query" | "body", error: FieldError): FieldError =>
  /^body\b/.test(error.field) ? error : { ...error, field: `${slot}.${error.field}` }

/** For input that matches its schema, but that a service found to be invalid. */
export const asInputProblem = ({ errors, summary }: InvalidInput) =>
  Effect.withFiber((fiber) => {
    const slot = fiber.getRef(CurrentExchange)?.request.method === "POST" ? "body" : "query"
    return failWithProblem(
      summary ?? "The request is not valid; details.errors lists every error.",
      (common) => new InvalidRequest({ ...common, details: { errors: errors.map((error) => locate(slot, error)) } })
    )
  })

/** The error of one device in the response to an upload for many. */
export const describeUploadFailure = (
  error: EntityNotFound | ThingsBoardError,
  deviceId: string
): { readonly error: string; readonly error_code: string } => {
  if (error._tag === "EntityNotFound")
    return { error: `No device has the id ${deviceId}, or this key may not see it.`, error_code: "RESOURCE_NOT_FOUND" }
  switch (error.reason._tag) {
    case "Timeout":
      return { error: "ThingsBoard did not respond in time.", error_code: "UPSTREAM_TIMEOUT" }
    case "Unavailable":
    case "LoginRefused":
    case "RateLimited":
      return { error: "ThingsBoard was not available.", error_code: "UPSTREAM_UNAVAILABLE" }
    default:
      return { error: "ThingsBoard did not accept the points.", error_code: "UPSTREAM_ERROR" }
  }
}
