/** Turns failures of services into the problems that clients get. ThingsBoard's own text goes only to the log, if anywhere. */
import { Effect } from "effect"
import {
  AssetNotFound,
  DeviceNotFound,
  EntityNotFound as EntityNotFoundProblem,
  InvalidRequest,
  type Overloaded,
  SpoolFull,
  SpoolUnavailable,
  UpstreamError,
  UpstreamTimeout,
  UpstreamUnavailable
} from "../../api/Problems.ts"
import { type DeviceNameNotResolved, EntityNotFound, type FieldError, InvalidInput } from "../../domain/Errors.ts"
import { type Effects, type Failure, failureOf, failures } from "../../thingsboard/errors/failures.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import type { SpoolError, SpoolFull as SpoolFullError } from "../../spool/errors.ts"
import { failWithProblem } from "./problem.ts"
import { failOverloaded, setRetryAfter } from "./overloaded.ts"
import { logThingsBoardFailure } from "../logging/securityLog.ts"

export type Upstream = Overloaded | UpstreamError | UpstreamTimeout | UpstreamUnavailable

const failUnavailable = (detail: string, retryAfter: number) =>
  Effect.andThen(
    setRetryAfter(retryAfter),
    failWithProblem(detail, (common) => new UpstreamUnavailable({ ...common, details: {}, retry_after: retryAfter }))
  )

const failAs = (failure: Failure): Effect.Effect<never, Upstream> => {
  const { detail, retryAfter = 0 } = failure
  switch (failure.code) {
    case "UPSTREAM_UNAVAILABLE":
      return failUnavailable(detail, retryAfter)
    case "UPSTREAM_TIMEOUT":
      return failWithProblem(detail, (common) => new UpstreamTimeout({ ...common, details: {} }))
    case "UPSTREAM_ERROR":
      return failWithProblem(detail, (common) => new UpstreamError({ ...common, details: {} }))
    case "OVERLOADED":
      return failOverloaded(detail, failure.shortage)
  }
}

/** ThingsBoard rejected the credentials, or a key has none to use. */
export const credentialsNotAccepted = failAs(failures.LoginRefused)

/** For calls that fail only because of ThingsBoard. */
export const asUpstreamProblem = (error: ThingsBoardError): Effect.Effect<never, Upstream> => {
  const failure = failureOf(error)
  return failure.code === "OVERLOADED" ? failAs(failure) : Effect.andThen(logThingsBoardFailure(error), failAs(failure))
}

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

const whySpoolIsFull: { readonly [_ in SpoolFullError["limit"]]: string } = {
  bytes: "Too many points wait to be stored in ThingsBoard (SPOOL_MAX_BYTES).",
  age: "The points that wait for ThingsBoard have waited for too long (SPOOL_MAX_AGE).",
  disk: "The disk of the queue is full.",
  memory: "The Redis server of the queue has no free memory."
}

/** Seconds. */
const fullRetryAfter = 60
const unavailableRetryAfter = 5

export const asSpoolUnavailable: Effect.Effect<never, SpoolUnavailable> = Effect.andThen(
  setRetryAfter(unavailableRetryAfter),
  failWithProblem(
    `The queue of uploads is not available at the moment: try again in ${unavailableRetryAfter} s.`,
    (common) => new SpoolUnavailable({ ...common, details: {}, retry_after: unavailableRetryAfter })
  )
)

/** For uploads that cannot be queued. Nothing of them is, but for an unavailable queue, of which it is not known. */
export const asSpoolProblem = (error: SpoolError): Effect.Effect<never, SpoolFull | SpoolUnavailable> =>
  error._tag === "SpoolFull"
    ? Effect.andThen(
        setRetryAfter(fullRetryAfter),
        failWithProblem(
          `${whySpoolIsFull[error.limit]} Nothing of this upload was accepted; try again later.`,
          (common) => new SpoolFull({ ...common, details: { limit: error.limit }, retry_after: fullRetryAfter })
        )
      )
    : asSpoolUnavailable

/** Services name a parameter without its place, since they are the same for endpoints that take it in the query and in the body. */
const locate = (slot: "query" | "body", error: FieldError): FieldError =>
  /^(?:body\b|query\.|header\.)/.test(error.field) ? error : { ...error, field: `${slot}.${error.field}` }

/** For input that matches its schema, but that a service found to be invalid. */
export const asInputProblem = ({ errors, summary }: InvalidInput) =>
  Effect.withFiber((fiber) => {
    const slot = fiber.getRef(CurrentExchange)?.request.method === "POST" ? "body" : "query"
    return failWithProblem(
      summary ?? "The request is not valid; details.errors lists every error.",
      (common) => new InvalidRequest({ ...common, details: { errors: errors.map((error) => locate(slot, error)) } })
    )
  })

/** Points have timestamps, so that sending them again stores none twice. */
const whatIsStored: { readonly [_ in Effects]: string } = {
  nothing: "These points were not stored.",
  rejected: "It does not accept one of these keys or values.",
  failed: "Some of the points may be stored; sending them again is safe.",
  unknown: "Some of the points may be stored; sending them again is safe."
}

const describeUnresolved = ({ issue, name }: DeviceNameNotResolved) => {
  switch (issue) {
    case "unknown":
      return { error: `No device has the name ${name}, or this key may not see it.`, error_code: "RESOURCE_NOT_FOUND" }
    case "ambiguous":
      return { error: `Several devices have the name ${name}. Send the id of the device.`, error_code: "VALIDATION_ERROR" }
    case "too many devices":
      return { error: "There are too many devices to look up names. Send the id of the device.", error_code: "VALIDATION_ERROR" }
  }
}

/** The error of one device in the response to an upload for many. `device` is its id or name. */
export const describeUploadFailure = (
  error: DeviceNameNotResolved | EntityNotFound | ThingsBoardError,
  device: string
): { readonly error: string; readonly error_code: string } => {
  if (error._tag === "DeviceNameNotResolved") return describeUnresolved(error)
  if (error._tag === "EntityNotFound")
    return { error: `No device has the id ${device}, or this key may not see it.`, error_code: "RESOURCE_NOT_FOUND" }
  const { code, detail, effects } = failureOf(error)
  return { error: `${detail} ${whatIsStored[effects]}`, error_code: code }
}
