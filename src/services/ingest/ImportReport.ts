/** The result of an import: which rows are stored, which were rejected and why, and which are not known to be stored. */
import { FutureCounter } from "./futureTimes.ts"

export interface RejectedRow {
  /** From 1; the header counts. */
  readonly line: number
  readonly reason: string
}

/** Rejected rows that are listed with their reasons; further ones are only counted. */
const maxListed = 1000

export class ImportReport {
  /** Rows that are stored or, in a dry run, would be. Rows without values count as well. */
  accepted = 0
  rejectedCount = 0
  /** Rows that were sent when ThingsBoard failed: they may be stored, in whole or in part. */
  unknown = 0
  /** Rows that were not sent, since ThingsBoard had failed before. */
  notSent = 0
  /** The line of the first row that is neither stored nor rejected. */
  resumeLine: number | undefined
  /** Bytes of the body that were read. */
  bytes = 0
  /** Decimals that were rounded to be stored as numbers. */
  rounded = 0
  /** Rows whose time is far in the future, and the line of the first. */
  readonly future = new FutureCounter()
  /** Points that a later point of the same write replaced. */
  replaced = 0
  readonly rejected: Array<RejectedRow> = []
  /** By device id. */
  readonly pointsStored = new Map<string, number>()

  reject(line: number, reason: string) {
    this.rejectedCount++
    if (this.rejected.length < maxListed) this.rejected.push({ line, reason })
  }

  addUnknown(line: number) {
    this.unknown++
    this.resumeFrom(line)
  }

  addNotSent(line: number) {
    this.notSent++
    this.resumeFrom(line)
  }

  addStored(deviceId: string, stored: number, replaced: number) {
    this.pointsStored.set(deviceId, (this.pointsStored.get(deviceId) ?? 0) + stored)
    this.replaced += replaced
  }

  /** `failed` if there were rows, and none of them is stored. */
  get status(): "success" | "partial" | "failed" {
    if (this.rejectedCount + this.unknown + this.notSent === 0) return "success"
    return this.accepted === 0 ? "failed" : "partial"
  }

  private resumeFrom(line: number) {
    this.resumeLine = Math.min(this.resumeLine ?? line, line)
  }
}
