/**
 * The devices that a restricted key may see. The rights of the gateway's own user come first: ThingsBoard never shows more than those.
 *
 * A service that reads or writes devices asks here before anything of them leaves it, by `Access.seen`, `Access.guard` or
 * `VisibleDevices.ts`. It takes as many calls to say no of a hidden device as of one that does not exist.
 */
import { Context, Effect } from "effect"
import type { DeviceRestriction } from "../domain/ApiKey.ts"

/** What has to be known of a device to tell whether it is visible. */
export interface Seeable {
  readonly id: string
  readonly type: string
  readonly customerId: string
}

/** A device is visible when its id, its type or its customer is named. */
export class Visibility {
  readonly ids: ReadonlySet<string>
  readonly types: ReadonlySet<string>
  readonly customer: string | undefined

  constructor({ customer, ids = [], types = [] }: DeviceRestriction) {
    this.ids = new Set(ids.map((id) => id.toLowerCase()))
    this.types = new Set(types)
    this.customer = customer?.toLowerCase()
  }

  /** Whether nothing but the id decides, so that ThingsBoard need not be asked about other devices. */
  get byIdsOnly() {
    return this.types.size === 0 && this.customer === undefined
  }

  get byTypesOnly() {
    return this.ids.size === 0 && this.customer === undefined
  }

  get byCustomerOnly() {
    return this.ids.size === 0 && this.types.size === 0
  }

  shows({ customerId, id, type }: Seeable): boolean {
    return this.ids.has(id) || this.types.has(type) || (this.customer !== undefined && customerId === this.customer)
  }
}

/** The caller's restriction; undefined for one who may see what the gateway's user may. Given by the middleware that knows the caller. */
export const CurrentVisibility = Context.Reference<Visibility | undefined>("boardwalk/services/CurrentVisibility", {
  defaultValue: () => undefined
})

/** Runs what the caller's restriction asks for. */
export const withVisibility = <A, E, R>(run: (visibility: Visibility | undefined) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => run(fiber.getRef(CurrentVisibility)))
