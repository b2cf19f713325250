/** Ends requests that are running when their key expires, is revoked or loses rights that they need. */
import { Effect, Schema } from "effect"
import { HttpServerRespondable, type HttpServerResponse } from "effect/http"
import { Forbidden, Unauthenticated } from "../../api/Problems.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { CurrentAuthentication } from "../CurrentAuthentication.ts"
import { logAuthorizationEnd } from "../logging/securityLog.ts"
import { failWithProblem } from "../response/problem.ts"

type Response = HttpServerResponse.HttpServerResponse

export class AuthorizationEnded extends Schema.TaggedError<AuthorizationEnded>()("AuthorizationEnded", {
  reason: Schema.Literals(["ended", "narrowed"])
}) {}

/** Fails if the request may not go on. */
export const requireAuthorized: Effect.Effect<void, AuthorizationEnded> = Effect.withFiber((fiber) => {
  const reason = fiber.getRef(CurrentAuthentication)?.findEnd()
  return reason === undefined ? Effect.void : Effect.fail(new AuthorizationEnded({ reason }))
})

/** Closes the connection, since the rest of the body may still arrive. */
const toResponse = ({ reason }: AuthorizationEnded, note: string): Effect.Effect<Response> =>
  Effect.withFiber((fiber) => {
    fiber.getRef(CurrentExchange)?.closeAfterResponse()
    const problem: Effect.Effect<never, Unauthenticated | Forbidden> =
      reason === "ended"
        ? failWithProblem(
            `The key expired or was revoked while the request ran.${note}`,
            (common) => new Unauthenticated({ ...common, details: {} })
          )
        : failWithProblem(`The key lost rights while the request ran.${note}`, (common) => new Forbidden({ ...common, details: {} }))
    return Effect.andThen(logAuthorizationEnd(reason), Effect.flatMap(Effect.flip(problem), HttpServerRespondable.toResponse))
  })

/** Responds with 401 or 403 where a handler found that it may not go on. */
export const respondIfEnded = <E, R>(
  handler: Effect.Effect<Response, E | AuthorizationEnded, R>,
  note = ""
): Effect.Effect<Response, E, R> =>
  Effect.catchIf(
    handler,
    (error): error is AuthorizationEnded => error instanceof AuthorizationEnded,
    (error) => toResponse(error, note)
  ) as Effect.Effect<Response, E, R>

const watch = Effect.forever(Effect.andThen(requireAuthorized, Effect.sleep("1 second")))

/** Interrupts an effect that may take long, and fails, when the request may not go on. */
export const untilUnauthorized = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | AuthorizationEnded, R> =>
  Effect.raceFirst(effect, watch)

const writesNote = " What arrived before may be stored. Send it again: nothing is stored twice."

/** Runs a write, and interrupts it when its key may not do it anymore: it may wait for its body, or for ThingsBoard, for minutes. */
export const whileAuthorized = <E, R>(write: Effect.Effect<Response, E | AuthorizationEnded, R>): Effect.Effect<Response, E, R> =>
  respondIfEnded<E, R>(untilUnauthorized(write), writesNote)
