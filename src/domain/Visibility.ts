/** Which devices a restricted key may see. */
import type { DeviceRestriction } from "./ApiKey.ts"

/** What has to be known of a device to tell whether it is visible. */
export interface DeviceFacts {
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

  allows({ customerId, id, type }: DeviceFacts): boolean {
    return this.ids.has(id) || this.types.has(type) || (this.customer !== undefined && customerId === this.customer)
  }
}
