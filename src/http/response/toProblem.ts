/** What a client is told of a failure. What ThingsBoard itself said stays in our log. */
import { Effect, Match } from "effect"
import {
  AssetNotFound,
  DeviceNotFound,
  EntityNotFound as EntityNotFoundProblem,
  InvalidRequest,
  UpstreamError,
  UpstreamTimeout,
  UpstreamUnavailable
} from "../../api/Problems.ts"
import { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { failWithProblem } from "./problem.ts"
import { logThingsBoardFailure } from "../logging/securityLog.ts"

export type Upstream = UpstreamError | UpstreamTimeout | UpstreamUnavailable

const unavailable = (detail: string, retryAfter: number) =>
  Effect.andThen(
    Effect.withFiber((fiber) => {
      const headers = fiber.getRef(CurrentExchange)?.headers
      if (headers !== undefined) headers["retry-after"] = String(retryAfter)
      return Effect.void
    }),
    failWithProblem(detail, (common) => new UpstreamUnavailable({ ...common, details: {}, retry_after: retryAfter }))
  )

/** ThingsBoard was asked and said so, or there is nothing to ask it with. */
export const credentialsNotAccepted = unavailable(
  "ThingsBoard does not accept the gateway's credentials; its operator has to look at them.",
  30
)

const failed = (detail: string) => failWithProblem(detail, (common) => new UpstreamError({ ...common, details: {} }))

const explain = (error: ThingsBoardError): Effect.Effect<never, Upstream> =>
  Match.value(error.reason).pipe(
    Match.tag("Timeout", () =>
      failWithProblem("ThingsBoard did not answer in time (TB_TIMEOUT).", (common) => new UpstreamTimeout({ ...common, details: {} }))
    ),
    // An answer of 500 is a failure of ThingsBoard's, not a sign that it is away.
    Match.tag("Unavailable", ({ why }) => {
      if (why === "redirect")
        return failed("ThingsBoard's address sends elsewhere, which is not followed; the operator has to look at TB_HOST.")
      return why === "status" && error.status === 500
        ? failed("ThingsBoard failed.")
        : unavailable("ThingsBoard cannot be reached at the moment.", 5)
    }),
    Match.tag("LoginRefused", () => credentialsNotAccepted),
    Match.tag("RateLimited", ({ retryAfterMs = 10_000 }) =>
      unavailable("ThingsBoard's own rate limit is used up.", Math.ceil(retryAfterMs / 1000))
    ),
    Match.tag("Unsupported", () => failed("This release of ThingsBoard cannot read keys with commas (4.3.1 and later can).")),
    Match.tag("TooLarge", () => failed("ThingsBoard refused the amount of data in one call.")),
    Match.orElse(() => failed("ThingsBoard answered in a way that the gateway cannot use."))
  )

/** For calls that only ThingsBoard can fail. */
export const asUpstreamProblem = (error: ThingsBoardError): Effect.Effect<never, Upstream> =>
  Effect.andThen(logThingsBoardFailure(error), explain(error))

export const asDeviceProblem = (error: EntityNotFound | ThingsBoardError): Effect.Effect<never, DeviceNotFound | Upstream> =>
  error._tag === "EntityNotFound"
    ? failWithProblem(
        `No device has the id ${error.id}, or it may not be seen.`,
        (common) => new DeviceNotFound({ ...common, details: { device_id: error.id } })
      )
    : asUpstreamProblem(error)

export const asAssetProblem = (error: EntityNotFound | ThingsBoardError): Effect.Effect<never, AssetNotFound | Upstream> =>
  error._tag === "EntityNotFound"
    ? failWithProblem(
        `No asset has the id ${error.id}, or it may not be seen.`,
        (common) => new AssetNotFound({ ...common, details: { asset_id: error.id } })
      )
    : asUpstreamProblem(error)

export const asEntityProblem = (error: EntityNotFound | ThingsBoardError): Effect.Effect<never, EntityNotFoundProblem | Upstream> =>
  error._tag === "EntityNotFound"
    ? failWithProblem(
        `No ${error.entityType} has the id ${error.id}, or it may not be seen.`,
        (common) => new EntityNotFoundProblem({ ...common, details: { entity_type: error.entityType, entity_id: error.id } })
      )
    : asUpstreamProblem(error)

/** For input that is well formed but wrong in ways that only a service can see. */
export const asInputProblem = (error: InvalidInput) =>
  failWithProblem(
    "The request is not valid; details.errors names every fault.",
    (common) => new InvalidRequest({ ...common, details: { errors: error.errors } })
  )

/** What the answer for many devices says of one that failed. */
export const describeUploadFailure = (
  error: EntityNotFound | ThingsBoardError,
  deviceId: string
): { readonly error: string; readonly error_code: string } => {
  if (error._tag === "EntityNotFound")
    return { error: `No device has the id ${deviceId}, or it may not be seen.`, error_code: "RESOURCE_NOT_FOUND" }
  switch (error.reason._tag) {
    case "Timeout":
      return { error: "ThingsBoard did not answer in time.", error_code: "UPSTREAM_TIMEOUT" }
    case "Unavailable":
    case "LoginRefused":
    case "RateLimited":
      return { error: "ThingsBoard was not available.", error_code: "UPSTREAM_UNAVAILABLE" }
    default:
      return { error: "ThingsBoard did not take the points.", error_code: "UPSTREAM_ERROR" }
  }
}
