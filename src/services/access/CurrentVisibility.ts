/**
 * Which devices a restricted key may see. The permissions of the gateway's own user come first: ThingsBoard never returns more than
 * those allow.
 *
 * Every service that reads or writes devices checks them before it returns anything about them, by `DeviceAccess.requireVisible`,
 * `DeviceAccess.guard` or `VisibleDevices.ts`. Rejecting a hidden device takes as many calls as rejecting one that does not exist, so that
 * the response time does not reveal the difference.
 */
import { Effect } from "effect"
import type { Visibility } from "../../domain/Visibility.ts"
import { CurrentVisibility } from "../../thingsboard/reads/CurrentVisibility.ts"

export { CurrentVisibility }

/** Runs an effect that depends on the caller's restriction. */
export const withVisibility = <A, E, R>(run: (visibility: Visibility | undefined) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => run(fiber.getRef(CurrentVisibility)))
