/**
 * Stores the points of an import. Rows that cannot be stored go into the report; the import continues with the other devices. When
 * ThingsBoard stays unavailable, the rows of running writes are reported as unknown, and the remaining rows as not sent.
 */
import { Array, Effect } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import { isTransient, retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { batchEnd } from "../../thingsboard/requests/telemetryBatches.ts"
import type { ImportReport } from "./ImportReport.ts"
import { hasFailed, type Health, isolateRejected, mayBeDueToPoints, type Range } from "./isolateRejected.ts"
import type { IncomingPoint } from "./PointReader.ts"
import type { BufferedPoints, DevicePoints } from "./PointBuffer.ts"
import { RowFates } from "./RowFates.ts"

export interface ImportTarget {
  /** Stores the points, and returns how many of them ThingsBoard now has. */
  readonly store: (deviceId: string, points: ReadonlyArray<IncomingPoint>) => Effect.Effect<number, EntityNotFound | ThingsBoardError>
  /** Which of the devices are missing, where that has to be known before `store`. */
  readonly findMissing: (deviceIds: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>, ThingsBoardError>
  /** Whether an import that already stored points goes on if `findMissing` fails: the remaining points count as not sent then. */
  readonly reportsFailedLookup?: boolean
  /** Told how many points are not needed any more. */
  readonly discard?: (points: number) => void
  /** Writes at the same time. */
  readonly concurrency: number
}

export const deviceMissing = "the device does not exist or is not visible"

const maxDevicesPerLookup = 1000

/** Limits the memory for ids of missing devices. */
const maxMissingDevices = 100_000

/** After a 500 the write is split instead, which is as good a repetition. */
const isRepeated = (error: EntityNotFound | ThingsBoardError) =>
  isTransient(error) && error._tag === "ThingsBoardError" && !hasFailed(error)

const reasonOf = (key: string, range: Range, row: Range, error: ThingsBoardError) => {
  const size = range.to - range.from
  if (size > row.to - row.from) return `ThingsBoard rejected a write of ${size} points, of which this is one`
  const verb = hasFailed(error) ? "fails to store" : "rejects"
  const others = row.to - row.from > size ? "; the other values of the row are sent without it" : ""
  return size > 1
    ? `ThingsBoard ${verb} one of these ${size} values`
    : `${key.slice(0, 64)}: ThingsBoard ${verb} this key or value${others}`
}

export class ImportWriter {
  private readonly missing = new Set<string>()
  /** ThingsBoard stayed unavailable for all retries of a write: the remaining writes would wait as long and fail, too. */
  private gaveUp = false
  private readonly health: Health = { failuresInARow: 0 }
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
  write(devices: ReadonlyArray<BufferedPoints>): Effect.Effect<void, ThingsBoardError> {
    // In chunks, so that not much time passes between the lookup of a device and its write.
    return Effect.forEach(Array.chunksOf(devices, maxDevicesPerLookup), (chunk) => this.writeChunk(chunk), { discard: true })
  }

  private readonly writeChunk = Effect.fnUntraced(function* (this: ImportWriter, devices: ReadonlyArray<BufferedPoints>) {
    if (!this.gaveUp) {
      const { findMissing, reportsFailedLookup = false } = this.target
      const lookup = Effect.suspend(() => findMissing(devices.map(({ deviceId }) => deviceId)))
      const missing = yield* reportsFailedLookup
        ? Effect.catch(retryTransient(lookup), () => {
            this.gaveUp = true
            return Effect.succeed([])
          })
        : lookup
      for (const deviceId of missing) this.addMissing(deviceId)
    }
    yield* Effect.forEach(devices, (device) => this.writeDevice(device), { concurrency: this.target.concurrency, discard: true })
  })

  /** One call to ThingsBoard after the other, so that it is known which of them succeeded. */
  private readonly writeDevice = Effect.fnUntraced(function* (this: ImportWriter, buffered: BufferedPoints): Effect.fn.Return<void> {
    const device = buffered.unpack()
    const { deviceId, points } = device
    const fates = new RowFates(device)
    for (let from = 0; from < points.length;) {
      if (this.missing.has(deviceId)) {
        fates.set(from, points.length, { _tag: "Rejected", reason: deviceMissing })
        break
      }
      if (this.gaveUp) {
        fates.set(from, points.length, { _tag: "NotSent" })
        break
      }
      const range = { from, to: batchEnd(points, from) }
      yield* this.writeBatch(device, range, fates)
      from = range.to
    }
    fates.reportTo(this.report)
    this.target.discard?.(points.length)
  })

  private readonly writeBatch = Effect.fnUntraced(function* (
    this: ImportWriter,
    device: DevicePoints,
    batch: Range,
    fates: RowFates
  ): Effect.fn.Return<void> {
    const { deviceId, ends, points } = device
    const counts = new Map<string, number>()
    const part = ({ from, to }: Range) => (to - from === points.length ? points : points.slice(from, to))
    const write = (range: Range) =>
      Effect.match(
        retryTransient(
          Effect.suspend(() => this.target.store(deviceId, part(range))),
          undefined,
          isRepeated
        ),
        {
          onSuccess: (stored): EntityNotFound | ThingsBoardError | undefined => {
            counts.set(`${range.from}-${range.to}`, stored)
            return undefined
          },
          onFailure: (error) => error
        }
      )
    const onStored = (range: Range) => {
      const stored = counts.get(`${range.from}-${range.to}`)!
      this.report.addStored(deviceId, stored, range.to - range.from - stored)
    }
    const failure = yield* write(batch)
    if (failure === undefined) {
      this.health.failuresInARow = 0
      return onStored(batch)
    }
    if (failure._tag === "ThingsBoardError" && mayBeDueToPoints(failure)) {
      const stopped = yield* isolateRejected(batch, failure, {
        health: this.health,
        write,
        onStored,
        onRejected: (range, error) => {
          const row = fates.rowOf(range.from)
          const rowRange = { from: fates.startOf(row), to: ends[row]! }
          fates.set(range.from, range.to, { _tag: "Rejected", reason: reasonOf(points[range.from]!.key, range, rowRange, error) })
        },
        onUnknown: (range) => fates.set(range.from, range.to, { _tag: "Unknown" }),
        split: ({ from, to }) => {
          const middle = (from + to) >> 1
          const row = fates.rowOf(middle)
          const start = fates.startOf(row)
          if (start > from) return start
          return ends[row]! < to ? ends[row]! : middle
        }
      })
      if (stopped !== undefined) this.stop(deviceId, stopped)
      return
    }
    if (failure._tag === "ThingsBoardError") fates.set(batch.from, batch.to, { _tag: "Unknown" })
    else fates.set(batch.from, batch.to, { _tag: "Rejected", reason: deviceMissing })
    this.stop(deviceId, failure)
  })

  private stop(deviceId: string, failure: EntityNotFound | ThingsBoardError) {
    if (failure._tag === "EntityNotFound") this.addMissing(deviceId)
    else this.gaveUp = true
  }

  private addMissing(deviceId: string) {
    // Looking up some of them again costs less than remembering all of them.
    if (this.missing.size > maxMissingDevices) this.missing.clear()
    this.missing.add(deviceId)
  }
}
