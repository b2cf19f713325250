/** What a spool holds. */

/** A point whose value is the JSON token that was received, byte for byte, and whose time was fixed when it was accepted. */
export interface SpooledPoint {
  readonly key: string
  /** Ms since the Unix epoch. */
  readonly ts: number
  readonly token: string
}

/** A device, by its id in lower case, or by its name until the id is known. */
export type DeviceReference = { readonly id: string } | { readonly name: string }

export interface DevicePoints {
  readonly device: DeviceReference
  readonly points: ReadonlyArray<SpooledPoint>
}

export interface NewBatch {
  /** Unique. */
  readonly id: string
  /** Whose rights apply to the batch, and who may see it: the id of an API key. */
  readonly owner: string
  readonly devices: ReadonlyArray<DevicePoints>
}

export interface BatchState {
  readonly id: string
  readonly owner: string
  /** Ms since the Unix epoch. */
  readonly acceptedAt: number
  /** Points that were accepted: `stored` and `rejected` ones, and those that still wait. */
  readonly points: number
  readonly stored: number
  readonly rejected: number
  /** When the last point was stored or rejected; undefined while points wait. */
  readonly finishedAt: number | undefined
}

/** The points of one device from one batch. */
export interface Entry extends DevicePoints {
  /** Position in the order of acceptance. */
  readonly seq: number
  readonly batch: string
  readonly owner: string
  /** How Redis keeps it, which it needs to know to remove it. */
  readonly storage?: { readonly bytes: number; readonly part: number }
}

export interface RejectedPoints {
  readonly points: ReadonlyArray<SpooledPoint>
  readonly reason: string
}

/** Points that were set aside. */
export interface SetAside {
  readonly device: DeviceReference
  readonly reason: string
  /** How many. */
  readonly points: number
}

/** An entry is finished: all of its points are stored, but for the rejected ones. */
export interface Outcome {
  readonly entry: Entry
  readonly rejected: ReadonlyArray<RejectedPoints>
}

export interface SpoolLimits {
  /** Bytes of the points that wait or are set aside, as they are written in the file. */
  readonly bytes: number
  /** Ms that the oldest points may wait before no more are taken. Points that were taken are never dropped for their age. */
  readonly age: number
}

export interface Waiting {
  readonly entries: number
  readonly points: number
  /** Of the points that wait or are set aside. */
  readonly bytes: number
  /** When the oldest entry was accepted, in ms since the Unix epoch; undefined if none waits. */
  readonly oldest: number | undefined
  /** Ms for which it has waited; 0 if none waits. */
  readonly age: number
  /** Points that were set aside. */
  readonly rejected: number
}

/** A device that is known by its name only, in the batches of one owner. */
export interface WaitingName {
  readonly owner: string
  readonly name: string
}

export interface WaitingDevices {
  readonly ids: ReadonlyArray<string>
  /** Where the next search goes on; undefined after the last entry. */
  readonly next: number | undefined
}

export interface Forgotten {
  readonly batches: number
  /** Rejected points. */
  readonly points: number
}
