/** What a spool holds. */

/** A point whose value is the JSON token that was received, byte for byte, and whose time was fixed when it was accepted. */
export interface SpooledPoint {
  readonly key: string
  /** Ms since the Unix epoch. */
  readonly ts: number
  readonly token: string
}

export interface DevicePoints {
  readonly deviceId: string
  readonly points: ReadonlyArray<SpooledPoint>
}

export interface NewBatch {
  /** Unique. */
  readonly id: string
  /** Who may see the batch: the id of an API key. */
  readonly owner: string
  /** Ms since the Unix epoch. */
  readonly acceptedAt: number
  readonly devices: ReadonlyArray<DevicePoints>
}

export interface BatchState {
  readonly owner: string
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
}

export interface RejectedPoints extends DevicePoints {
  readonly reason: string
}

/** An entry is finished: all of its points are stored, but for the rejected ones. */
export interface Outcome {
  readonly entry: Entry
  readonly rejected: ReadonlyArray<RejectedPoints>
}

export interface SpoolLimits {
  /** Bytes of the points that wait. */
  readonly bytes: number
  /** Ms that the oldest points may wait before no more are taken. Points that were taken are never dropped for their age. */
  readonly age: number
}
