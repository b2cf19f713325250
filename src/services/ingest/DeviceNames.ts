/** Finds the devices of rows that name them. */
import { Effect } from "effect"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { maxDeviceNames } from "../devices/DeviceSelection.ts"
import { RowRejected } from "./ImportRow.ts"

export class DeviceNames {
  private ids: ReadonlyMap<string, string> | "not loaded" | "too many" = "not loaded"
  /** The ids of all devices by name, or undefined if there are more than `maxDeviceNames`. */
  private readonly findAll: Effect.Effect<ReadonlyMap<string, string> | undefined, ThingsBoardError>

  constructor(findAll: Effect.Effect<ReadonlyMap<string, string> | undefined, ThingsBoardError>) {
    this.findAll = findAll
  }

  get isLoaded(): boolean {
    return this.ids !== "not loaded"
  }

  /** Loads the names of all devices: only the first row that names its device needs them, so an import of ids never makes these calls. */
  load(): Effect.Effect<void, ThingsBoardError> {
    return Effect.map(this.findAll, (ids) => {
      this.ids = ids ?? "too many"
    })
  }

  /** The id of the device. Throws `RowRejected` if no device has the name, or if there are too many devices to know. */
  idOf(name: string): string {
    if (typeof this.ids === "string") {
      throw new RowRejected(`device_name: there are more than ${maxDeviceNames.toLocaleString("en")} devices; use device_id instead`)
    }
    const id = this.ids.get(name)
    if (id === undefined) throw new RowRejected("device_name: no device has this name")
    return id
  }
}
