/**
 * Points that wait for others of their device, so that few large writes store them. The buffer does not write: whoever adds points
 * takes them out again, when `isFull` at the latest.
 */
import type { ImportPoint } from "./ImportRow.ts"
import type { IncomingPoint } from "./PointReader.ts"

export interface BufferLimits {
  /** Points of all devices together. */
  readonly points: number
  /** Characters of the keys and values of all devices: few points with large values take as much memory as many small ones. */
  readonly characters: number
  /** Points of one device that are worth a write of their own. */
  readonly pointsPerDevice: number
}

/** 20,000 points are what one call to ThingsBoard carries. */
const defaultLimits: BufferLimits = { points: 100_000, characters: 16 * 1024 * 1024, pointsPerDevice: 20_000 }

const bytesPerPoint = 100

/** The buffered points of one device, with the lines of the rows that they came from, and where the points of each row end. */
export interface DevicePoints {
  readonly deviceId: string
  readonly points: ReadonlyArray<IncomingPoint>
  readonly lines: ReadonlyArray<number>
  /** By row: the index after its last point. */
  readonly ends: ReadonlyArray<number>
}

interface Entry extends DevicePoints {
  readonly points: Array<IncomingPoint>
  readonly lines: Array<number>
  readonly ends: Array<number>
  characters: number
}

export class PointBuffer {
  private readonly entries = new Map<string, Entry>()
  private readonly limits: BufferLimits
  private points = 0
  private characters = 0

  constructor(limits = defaultLimits) {
    this.limits = limits
  }

  /** Adds the points of a row, of which there is at least one. */
  add(deviceId: string, line: number, ts: number, points: ReadonlyArray<ImportPoint>): void {
    let entry = this.entries.get(deviceId)
    if (entry === undefined) this.entries.set(deviceId, (entry = { deviceId, points: [], lines: [], ends: [], characters: 0 }))
    for (const { key, token } of points) {
      entry.points.push({ key, ts, token })
      entry.characters += key.length + token.length
      this.characters += key.length + token.length
    }
    entry.lines.push(line)
    entry.ends.push(entry.points.length)
    this.points += points.length
  }

  /** Bytes of memory, roughly: the text, and an object per point. */
  get bytes(): number {
    return this.characters + bytesPerPoint * this.points
  }

  /** Whether everything has to be taken out before more is added. */
  get isFull(): boolean {
    return this.points >= this.limits.points || this.characters >= this.limits.characters
  }

  /** Takes out the devices that have enough points for a write of their own. */
  takeLarge(): ReadonlyArray<DevicePoints> {
    return this.take([...this.entries.values()].filter(({ points }) => points.length >= this.limits.pointsPerDevice))
  }

  /** Takes out everything. */
  takeAll(): ReadonlyArray<DevicePoints> {
    return this.take([...this.entries.values()])
  }

  private take(entries: ReadonlyArray<Entry>): ReadonlyArray<DevicePoints> {
    for (const { characters, deviceId, points } of entries) {
      this.entries.delete(deviceId)
      this.points -= points.length
      this.characters -= characters
    }
    return entries
  }
}
