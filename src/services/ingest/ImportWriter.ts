/**
 * Stores the points of an import. Rows that cannot be stored go into the report; the import continues with the other devices.
 */
import { Effect } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { ImportReport } from "./ImportReport.ts"
import type { IncomingPoint } from "./PointReader.ts"
import type { DevicePoints } from "./PointBuffer.ts"

export interface ImportTarget {
  /** Stores the points, and returns how many of them ThingsBoard now has. */
  readonly store: (deviceId: string, points: ReadonlyArray<IncomingPoint>) => Effect.Effect<number, EntityNotFound | ThingsBoardError>
  /** Which of the devices are missing, where that has to be known before `store`. */
  readonly findMissing: (deviceIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>, ThingsBoardError>
  /** Writes at the same time. */
  readonly concurrency: number
}

export const deviceMissing = "the device does not exist or is not visible"
const notAvailable = "not stored: ThingsBoard was not available"

/** Limits the memory for ids of missing devices. */
const maxMissingDevices = 100_000

const isUnavailable = ({ reason }: ThingsBoardError) => ["Unavailable", "Timeout", "RateLimited", "LoginRefused"].includes(reason._tag)

export class ImportWriter {
  private readonly missing = new Set<string>()
  /** ThingsBoard stayed unavailable for all retries of a write: the remaining writes would wait as long and fail, too. */
  private gaveUp = false
  private readonly target: ImportTarget
  private readonly report: ImportReport

  constructor(target: ImportTarget, report: ImportReport) {
    this.target = target
    this.report = report
  }

  /** Whether an earlier write found that the device is missing. */
  isMissing(deviceId: string): boolean {
    return this.missing.has(deviceId)
  }

  /** Writes the points of several devices. Fails only when it cannot find out which of the devices are missing. */
  write(devices: ReadonlyArray<DevicePoints>): Effect.Effect<void, ThingsBoardError> {
    return Effect.flatMap(this.target.findMissing(devices.map(({ deviceId }) => deviceId)), (missing) => {
      for (const deviceId of missing) this.addMissing(deviceId)
      return Effect.forEach(devices, (device) => this.writeUnlessHopeless(device), { concurrency: this.target.concurrency, discard: true })
    })
  }

  private writeUnlessHopeless(device: DevicePoints): Effect.Effect<void> {
    return Effect.suspend(() => {
      const isMissing = this.missing.has(device.deviceId)
      if (!isMissing && !this.gaveUp) return this.writeDevice(device)
      this.report.rejectAccepted(device.lines, isMissing ? deviceMissing : notAvailable)
      return Effect.void
    })
  }

  private writeDevice({ deviceId, lines, points }: DevicePoints): Effect.Effect<void> {
    return Effect.match(retryTransient(this.target.store(deviceId, points)), {
      onSuccess: (stored) => this.report.addStored(deviceId, stored, points.length - stored),
      onFailure: (error) => {
        if (error._tag === "EntityNotFound") {
          this.addMissing(deviceId)
          this.report.rejectAccepted(lines, deviceMissing)
        } else {
          this.gaveUp ||= isUnavailable(error)
          this.report.rejectAccepted(lines, isUnavailable(error) ? notAvailable : "ThingsBoard did not store it")
        }
      }
    })
  }

  private addMissing(deviceId: string) {
    // Looking up some of them again costs less than remembering all of them.
    if (this.missing.size > maxMissingDevices) this.missing.clear()
    this.missing.add(deviceId)
  }
}
