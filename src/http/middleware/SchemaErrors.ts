import { Cause, Effect, Layer, type Schema, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { SchemaErrors } from "../../api/middleware/SchemaErrors.ts"
import { InternalError, type InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { logBug } from "../logging/securityLog.ts"
import { bodyLimitsOf } from "../request/RequestBody.ts"
import { describeSchemaError } from "../request/describeIssue.ts"
import { failInvalid, findFieldErrors } from "../request/validation.ts"
import { failWithProblem } from "../response/problem.ts"

const failInvalidResponse = (cause: Schema.SchemaError) =>
  Effect.andThen(
    logBug("A response does not match its schema", Cause.fail(cause)),
    failWithProblem("The gateway produced an invalid response.", (common) => new InternalError({ ...common, details: {} }))
  )

const slotOf = { Params: "path", Query: "query", Headers: "header", Payload: "body" } as const

type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | InternalError | Types.unhandled>

/** Rejects an invalid request with all of its errors. An invalid response is a bug: it is logged and becomes 500. */
export const SchemaErrorsLayer = Layer.effect(
  SchemaErrors,
  Effect.map(Effect.all([Settings, EventLoop]), ([settings, eventLoop]) => {
    const limits = bodyLimitsOf(settings, eventLoop)
    return SchemaErrors.of((handler, { endpoint }) =>
      Effect.catch(handler, (error): Handler => {
        if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
        const { cause, kind } = error
        if (kind === "Body" || kind === "ResponseHeaders") return failInvalidResponse(cause)
        return Effect.flatMap(findFieldErrors(endpoint, limits), (errors) =>
          failInvalid(errors.length > 0 ? errors : describeSchemaError(slotOf[kind], cause, undefined))
        )
      })
    )
  })
)
