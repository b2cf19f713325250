import { Effect, Layer, type Schema, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { SchemaErrors } from "../../api/middleware/SchemaErrors.ts"
import { InternalError, type InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { bodyLimitsOf } from "../request/RequestBody.ts"
import { failWithProblem } from "../response/problem.ts"
import { allFieldErrors, fieldErrorsOf, failInvalid } from "../request/validation.ts"

const bug = (cause: Schema.SchemaError) =>
  Effect.andThen(
    Effect.logError("An answer does not fit its declaration", cause),
    failWithProblem("The gateway made an answer that it may not send.", (common) => new InternalError({ ...common, details: {} }))
  )

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | InternalError | Types.unhandled>

/** A request that does not fit is refused with all its faults; an answer that does not fit is a bug of ours. */
export const SchemaErrorsLayer = Layer.effect(
  SchemaErrors,
  Effect.map(Settings, (settings) => {
    const bounds = bodyLimitsOf(settings)
    return SchemaErrors.of((handler, { endpoint }) =>
      Effect.catch(handler, (error): Guarded => {
        if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
        const { cause, kind } = error
        if (kind === "Body" || kind === "ResponseHeaders") return bug(cause)
        return Effect.flatMap(allFieldErrors(endpoint, bounds), (faults) =>
          failInvalid(faults.length > 0 ? faults : fieldErrorsOf("request", cause))
        )
      })
    )
  })
)
