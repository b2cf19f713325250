import { Effect, type Fiber } from "effect"
import { CurrentThingsBoard, type ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { CurrentVisibility } from "./CurrentVisibility.ts"

/**
 * Keeps one value, such as a cache, per ThingsBoard user and restriction. A cache shared by all callers would show some callers what
 * only others may see. Even its speed would reveal something: a fast response would mean that somebody else asked for the same.
 */
export const perCaller = <A>(gateway: ThingsBoardShape, make: (acting: ThingsBoardShape, visibility: Visibility | undefined) => A) => {
  /** For unrestricted callers that act as the gateway's user. */
  const common = make(gateway, undefined)
  // Weak: a value goes with the session of its user, or with its key.
  const others = new WeakMap<ThingsBoardShape, WeakMap<ThingsBoardShape | Visibility, A>>()
  const getOrMake = (acting: ThingsBoardShape, visibility: Visibility | undefined): A => {
    const ofUser = others.get(acting) ?? new WeakMap<ThingsBoardShape | Visibility, A>()
    others.set(acting, ofUser)
    const known = ofUser.get(visibility ?? acting)
    if (known !== undefined) return known
    const made = make(acting, visibility)
    ofUser.set(visibility ?? acting, made)
    return made
  }
  const valueFor = (fiber: Fiber.Fiber<unknown, unknown>): A => {
    const visibility = fiber.getRef(CurrentVisibility)
    const acting = fiber.getRef(CurrentThingsBoard)
    return visibility === undefined && acting === undefined ? common : getOrMake(acting ?? gateway, visibility)
  }
  return <B, E, R>(use: (value: A) => Effect.Effect<B, E, R>): Effect.Effect<B, E, R> => Effect.withFiber((fiber) => use(valueFor(fiber)))
}
