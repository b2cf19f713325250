/** Which devices and assets a restricted key may see. Without a restriction, a key sees all devices of its ThingsBoard user. */
import type { AssetRestriction, DeviceRestriction } from "./ApiKey.ts"

/** The fields of a device that decide whether it is visible. */
export interface DeviceFacts {
  /** UUID in lower case. */
  readonly id: string
  /** Name of the device type. */
  readonly type: string
  /** UUID in lower case; `noCustomerId`, or empty, if the device is not assigned. */
  readonly customerId: string
}

/** A device is visible if its id, its type or its customer is listed in the restriction. */
export class Visibility {
  readonly ids: ReadonlySet<string>
  readonly types: ReadonlySet<string>
  readonly customer: string | undefined

  /** The default shows no asset that has nothing to do with the key's devices. */
  constructor(
    { customer, ids = [], types = [] }: DeviceRestriction,
    readonly assets: AssetRestriction = "related"
  ) {
    this.ids = new Set(ids.map((id) => id.toLowerCase()))
    this.types = new Set(types)
    this.customer = customer?.toLowerCase()
  }

  /** Whether only ids are listed: every other device can be rejected without a call to ThingsBoard. */
  get byIdsOnly() {
    return this.types.size === 0 && this.customer === undefined
  }

  /** Whether only types are listed. */
  get byTypesOnly() {
    return this.ids.size === 0 && this.customer === undefined
  }

  /** Whether only the customer is given. */
  get byCustomerOnly() {
    return this.ids.size === 0 && this.types.size === 0
  }

  /** Whether this restriction allows everything that another one allows, whatever devices and assets there are. */
  includes(other: Visibility): boolean {
    return (
      other.ids.isSubsetOf(this.ids) &&
      other.types.isSubsetOf(this.types) &&
      (other.customer === undefined || other.customer === this.customer) &&
      (this.assets === "all" || other.assets === "none" || (this.assets === "related" && other.assets === "related"))
    )
  }

  allows({ customerId, id, type }: DeviceFacts): boolean {
    return this.ids.has(id) || this.types.has(type) || (this.customer !== undefined && customerId === this.customer)
  }
}
