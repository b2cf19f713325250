/** Finds the devices of rows and uploads that name them. */
import { Effect } from "effect"
import type { DeviceNameNotResolved } from "../../domain/Errors.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { type DeviceIdsByName, maxDeviceNames } from "../devices/DeviceSelection.ts"
import { RowRejected } from "./ImportRow.ts"

/** Why a name has no id. Devices that the caller may not see are unknown. */
type NameIssue = DeviceNameNotResolved["issue"]

export const reasons: { readonly [_ in NameIssue]: string } = {
  unknown: "no device has this name",
  ambiguous: "several devices have this name; use device_id instead",
  "too many devices": `there are more than ${maxDeviceNames.toLocaleString("en")} devices; use device_id instead`
}

export class DeviceNames {
  private ids: DeviceIdsByName | "not loaded" | undefined = "not loaded"
  /** The ids of all devices by name, or undefined if there are more than `maxDeviceNames`. */
  private readonly findAll: Effect.Effect<DeviceIdsByName | undefined, ThingsBoardError>

  constructor(findAll: Effect.Effect<DeviceIdsByName | undefined, ThingsBoardError>) {
    this.findAll = findAll
  }

  get isLoaded(): boolean {
    return this.ids !== "not loaded"
  }

  /** Loads the names of all devices: only the first row that names its device needs them, so an import of ids never makes these calls. */
  load(): Effect.Effect<void, ThingsBoardError> {
    return Effect.map(this.findAll, (ids) => {
      this.ids = ids
    })
  }

  find(name: string): { readonly id: string } | { readonly issue: NameIssue } {
    if (this.ids === undefined || this.ids === "not loaded") return { issue: "too many devices" }
    const id = this.ids.get(name)
    if (id === undefined) return { issue: "unknown" }
    return id === "ambiguous" ? { issue: "ambiguous" } : { id }
  }

  /** The id of the device. Throws `RowRejected` if it is not known. */
  idOf(name: string): string {
    const found = this.find(name)
    if ("issue" in found) throw new RowRejected(`device_name: ${reasons[found.issue]}`)
    return found.id
  }
}
