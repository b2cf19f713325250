/**
 * The devices that a restricted key may see. The rights of the gateway's own user come first: ThingsBoard never shows more than those.
 *
 * A service that reads or writes devices asks here before anything of them leaves it, by `DeviceAccess.requireVisible`, `DeviceAccess.guard` or
 * `VisibleDevices.ts`. It takes as many calls to say no of a hidden device as of one that does not exist.
 */
import { Context, Effect } from "effect"
import type { Visibility } from "../../domain/Visibility.ts"

/** The caller's restriction; undefined for one who may see what the gateway's user may. Given by the middleware that knows the caller. */
export const CurrentVisibility = Context.Reference<Visibility | undefined>("boardwalk/services/access/CurrentVisibility", {
  defaultValue: () => undefined
})

/** Runs what the caller's restriction asks for. */
export const withVisibility = <A, E, R>(run: (visibility: Visibility | undefined) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => run(fiber.getRef(CurrentVisibility)))
