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

/** Measured: 27 in rows of three short values, 140 in rows of one. */
const bytesPerPoint = 100

/** The part of a full buffer that `takeFullest` takes out. */
const freePart = 1 / 4

/** The points of one device, with the lines of the rows that they came from, and where the points of each row end. */
export interface DevicePoints {
  readonly deviceId: string
  readonly points: ReadonlyArray<IncomingPoint>
  readonly lines: ReadonlyArray<number>
  /** By row: the index after its last point. */
  readonly ends: ReadonlyArray<number>
}

/** The buffered points of one device, which become objects only while they are written. */
export interface BufferedPoints {
  readonly deviceId: string
  /** How many points there are. */
  readonly size: number
  readonly unpack: () => DevicePoints
}

/** No JSON contains it. */
const separator = "\0"

/** The rows of one device. Those of a file have the same keys, and one text per row takes a fraction of the memory of an object and a text per value. */
class Entry implements BufferedPoints {
  readonly deviceId: string
  size = 0
  characters = 0
  private readonly keys: Array<ReadonlyArray<string>> = []
  private readonly tokens: Array<string> = []
  private readonly times: Array<number> = []
  private readonly lines: Array<number> = []

  constructor(deviceId: string) {
    this.deviceId = deviceId
  }

  add(line: number, ts: number, keys: ReadonlyArray<string>, tokens: string) {
    this.keys.push(keys)
    this.tokens.push(tokens)
    this.times.push(ts)
    this.lines.push(line)
    this.size += keys.length
  }

  unpack(): DevicePoints {
    const points: Array<IncomingPoint> = []
    const ends: Array<number> = []
    // No iterators: a file has a hundred thousand rows and more.
    for (let row = 0; row < this.keys.length; row++) {
      const keys = this.keys[row]!
      const ts = this.times[row]!
      const text = this.tokens[row]!
      if (keys.length === 1) points.push({ key: keys[0]!, ts, token: text })
      else {
        const tokens = text.split(separator)
        for (let i = 0; i < keys.length; i++) points.push({ key: keys[i]!, ts, token: tokens[i]! })
      }
      ends.push(points.length)
    }
    return { deviceId: this.deviceId, points, lines: this.lines, ends }
  }
}

export class PointBuffer {
  private readonly entries = new Map<string, Entry>()
  private readonly limits: BufferLimits
  private points = 0
  private characters = 0
  /** The keys of the last row, which are often those of the next one. */
  private keys: ReadonlyArray<string> = []

  constructor(limits = defaultLimits) {
    this.limits = limits
  }

  /** Adds the points of a row, of which there is at least one. */
  add(deviceId: string, line: number, ts: number, points: ReadonlyArray<ImportPoint>): void {
    let entry = this.entries.get(deviceId)
    if (entry === undefined) this.entries.set(deviceId, (entry = new Entry(deviceId)))
    const { keys } = this
    if (points.length !== keys.length || points.some(({ key }, i) => key !== keys[i])) this.keys = points.map(({ key }) => key)
    entry.add(line, ts, this.keys, points.map(({ token }) => token).join(separator))
    for (const { key, token } of points) {
      entry.characters += key.length + token.length
      this.characters += key.length + token.length
    }
    this.points += points.length
  }

  /** Bytes of memory, roughly. */
  get bytes(): number {
    return this.characters + bytesPerPoint * this.points
  }

  /** Whether something has to be taken out before more is added. */
  get isFull(): boolean {
    return this.points >= this.limits.points || this.characters >= this.limits.characters
  }

  /** Takes out the devices that have enough points for a write of their own. */
  takeLarge(): ReadonlyArray<BufferedPoints> {
    return this.take([...this.entries.values()].filter(({ size }) => size >= this.limits.pointsPerDevice))
  }

  /**
   * Takes out the devices with the most points, until a quarter of the buffer is free. The others wait for more points, so that writes are
   * about twice as large as if everything were taken out.
   */
  takeFullest(): ReadonlyArray<BufferedPoints> {
    const sizeOf = this.points >= this.limits.points ? ({ size }: Entry) => size : ({ characters }: Entry) => characters
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
  takeAll(): ReadonlyArray<BufferedPoints> {
    return this.take([...this.entries.values()])
  }

  private take(entries: ReadonlyArray<Entry>): ReadonlyArray<BufferedPoints> {
    for (const { characters, deviceId, size } of entries) {
      this.entries.delete(deviceId)
      this.points -= size
      this.characters -= characters
    }
    return entries
  }
}
