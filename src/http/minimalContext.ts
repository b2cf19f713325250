import { Context, Effect, Layer } from "effect"
import { Authentication } from "../api/middleware/Authentication.ts"
import { BoundedBody } from "../api/middleware/BoundedBody.ts"
import { DeclaredParameters } from "../api/middleware/DeclaredParameters.ts"
import { KeyAndDeviceLimits } from "../api/middleware/KeyAndDeviceLimits.ts"
import { RateLimit } from "../api/middleware/RateLimit.ts"
import { SchemaErrors } from "../api/middleware/SchemaErrors.ts"

type Middlewares = Authentication | BoundedBody | DeclaredParameters | KeyAndDeviceLimits | RateLimit | SchemaErrors

/**
 * Builds a group's handlers with the services that they use and no others. The framework copies all services that a group was
 * built with into the context of every request: with everything that a program starts with, that is a tenth of a request's time.
 */
export const minimalContext =
  <Id>(...services: ReadonlyArray<Context.Key<Id, any>>) =>
  // oxlint-disable-line typescript/no-explicit-any -- whatever their shapes
  <A, E, R extends Id | Middlewares>(handlers: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
    Layer.fromBuild((memoMap, scope) =>
      Effect.updateContext(Layer.buildWithMemoMap(handlers, memoMap, scope), (context: Context.Context<R>) => {
        const used = Context.pick(...services, Authentication, BoundedBody, DeclaredParameters, KeyAndDeviceLimits, RateLimit, SchemaErrors)
        return used(context as Context.Context<never>) as Context.Context<R>
      })
    )
