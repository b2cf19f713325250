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

/**
 * 20,000 points are what one call to ThingsBoard carries. The buffer of a file with many devices has to be large, so that many points of each
 * gather; it counts towards the memory of all requests.
 */
const defaultLimits: BufferLimits = { points: 300_000, characters: 16 * 1024 * 1024, pointsPerDevice: 20_000 }

const bytesPerPoint = 100

/** The part of a full buffer that `takeFullest` takes out. */
const freePart = 1 / 4

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

  /** Whether something has to be taken out before more is added. */
  get isFull(): boolean {
    return this.points >= this.limits.points || this.characters >= this.limits.characters
  }

  /** Takes out the devices that have enough points for a write of their own. */
  takeLarge(): ReadonlyArray<DevicePoints> {
    return this.take([...this.entries.values()].filter(({ points }) => points.length >= this.limits.pointsPerDevice))
  }

  /**
   * Takes out the devices with the most points, until a quarter of the buffer is free. The others wait for more points, so that writes are
   * about twice as large as if everything were taken out.
   */
  takeFullest(): ReadonlyArray<DevicePoints> {
    const sizeOf = this.points >= this.limits.points ? ({ points }: Entry) => points.length : ({ characters }: Entry) => characters
    const entriesOfSize = new Map<number, number>()
    for (const entry of this.entries.values()) entriesOfSize.set(sizeOf(entry), (entriesOfSize.get(sizeOf(entry)) ?? 0) + 1)
    let toTake = freePart * (this.points >= this.limits.points ? this.points : this.characters)
    let minSize = 0
    // By size, not by device: a buffer may have a hundred thousand devices, but few sizes.
    for (const size of [...entriesOfSize.keys()].toSorted((a, b) => b - a)) {
      minSize = size
      toTake -= size * entriesOfSize.get(size)!
      if (toTake <= 0) break
    }
    // Of the smallest ones that are taken, only as many as needed: all devices may have the same size.
    let surplus = minSize === 0 ? 0 : Math.floor(-toTake / minSize)
    const taken: Array<Entry> = []
    for (const entry of this.entries.values()) {
      const size = sizeOf(entry)
      if (size > minSize || (size === minSize && surplus-- <= 0)) taken.push(entry)
    }
    return this.take(taken)
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
