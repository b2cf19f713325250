import { Effect, Layer, type Schema, type Types } from "effect"
import type { HttpServerResponse } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { SchemaErrors } from "../../api/middleware/SchemaErrors.ts"
import { InternalError, type InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { bodyBoundsOf } from "../body.ts"
import { refuse } from "../refuse.ts"
import { allFaults, faultsOf, invalid } from "../requestFaults.ts"

const bug = (cause: Schema.SchemaError) =>
  Effect.andThen(
    Effect.logError("An answer does not fit its declaration", cause),
    refuse("The gateway made an answer that it may not send.", (common) => new InternalError({ ...common, details: {} }))
  )

type Guarded = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | InternalError | Types.unhandled>

/** A request that does not fit is refused with all its faults; an answer that does not fit is a bug of ours. */
export const SchemaErrorsLive = Layer.effect(
  SchemaErrors,
  Effect.map(Settings, (settings) => {
    const bounds = bodyBoundsOf(settings)
    return SchemaErrors.of((handler, { endpoint }) =>
      Effect.catch(handler, (error): Guarded => {
        if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
        const { cause, kind } = error
        if (kind === "Body" || kind === "ResponseHeaders") return bug(cause)
        return Effect.flatMap(allFaults(endpoint, bounds), (faults) => invalid(faults.length > 0 ? faults : faultsOf("request", cause)))
      })
    )
  })
)
