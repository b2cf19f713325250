import { Effect, type Fiber } from "effect"
import { CurrentThingsBoard, type ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { CurrentVisibility } from "./CurrentVisibility.ts"

/**
 * Something to remember with, for each ThingsBoard user and each restriction one of its own. One for all would show what others may
 * see, and even its speed would tell: somebody else's question would make an answer quicker.
 */
export const perCaller = <A>(gateways: ThingsBoardShape, make: (acting: ThingsBoardShape, visibility: Visibility | undefined) => A) => {
  const common = make(gateways, undefined)
  // Gone with the session, or with the key.
  const others = new WeakMap<ThingsBoardShape, WeakMap<ThingsBoardShape | Visibility, A>>()
  const otherOf = (acting: ThingsBoardShape, visibility: Visibility | undefined): A => {
    const ofUser = others.get(acting) ?? new WeakMap<ThingsBoardShape | Visibility, A>()
    others.set(acting, ofUser)
    const known = ofUser.get(visibility ?? acting)
    if (known !== undefined) return known
    const made = make(acting, visibility)
    ofUser.set(visibility ?? acting, made)
    return made
  }
  const of = (fiber: Fiber.Fiber<unknown, unknown>): A => {
    const visibility = fiber.getRef(CurrentVisibility)
    const acting = fiber.getRef(CurrentThingsBoard)
    return visibility === undefined && acting === undefined ? common : otherOf(acting ?? gateways, visibility)
  }
  return <B, E, R>(use: (own: A) => Effect.Effect<B, E, R>): Effect.Effect<B, E, R> => Effect.withFiber((fiber) => use(of(fiber)))
}
