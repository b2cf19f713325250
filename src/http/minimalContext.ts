import { Context, Effect, Layer } from "effect"
import { Authentication } from "../api/middleware/Authentication.ts"
import { BoundedBody } from "../api/middleware/BoundedBody.ts"
import { DeclaredParameters } from "../api/middleware/DeclaredParameters.ts"
import { Idempotency } from "../api/middleware/Idempotency.ts"
import { KeyAndDeviceLimits } from "../api/middleware/KeyAndDeviceLimits.ts"
import { RateLimit } from "../api/middleware/RateLimit.ts"
import { SchemaErrors } from "../api/middleware/SchemaErrors.ts"

type Middlewares = Authentication | BoundedBody | DeclaredParameters | Idempotency | KeyAndDeviceLimits | RateLimit | SchemaErrors

/**
 * Builds a group's handlers with only the services that they use. The framework copies all services that a group is built with into the
 * context of every request. With everything that the program is built with, that would take a tenth of a request's time.
 */
export const minimalContext =
  <Id>(...services: ReadonlyArray<Context.Key<Id, any>>) =>
  // oxlint-disable-line typescript/no-explicit-any -- services of any shape
  <A, E, R extends Id | Middlewares>(handlers: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
    Layer.fromBuild((memoMap, scope) =>
      Effect.updateContext(Layer.buildWithMemoMap(handlers, memoMap, scope), (context: Context.Context<R>) => {
        const pickUsed = Context.pick(
          ...services,
          Authentication,
          BoundedBody,
          DeclaredParameters,
          Idempotency,
          KeyAndDeviceLimits,
          RateLimit,
          SchemaErrors
        )
        return pickUsed(context as Context.Context<never>) as Context.Context<R>
      })
    )
