/** The result of an import: which rows were accepted, which were rejected and why, and what is stored. */
export interface RejectedRow {
  /** From 1; the header counts. */
  readonly line: number
  readonly reason: string
}

/** Rejected rows that are listed with their reasons; further ones are only counted. */
const maxListed = 1000

export class ImportReport {
  /** Rows that were accepted and, except in a dry run, stored. */
  accepted = 0
  rejectedCount = 0
  /** Bytes of the body that were read. */
  bytes = 0
  /** Decimals that were rounded to be stored as numbers. */
  rounded = 0
  /** Points that a later point of the same write replaced. */
  replaced = 0
  readonly rejected: Array<RejectedRow> = []
  /** By device id. */
  readonly pointsStored = new Map<string, number>()

  reject(line: number, reason: string) {
    this.rejectedCount++
    if (this.rejected.length < maxListed) this.rejected.push({ line, reason })
  }

  /** Rejects rows that were counted as accepted, and then could not be stored. */
  rejectAccepted(lines: ReadonlyArray<number>, reason: string) {
    this.accepted -= lines.length
    for (const line of lines) this.reject(line, reason)
  }

  addStored(deviceId: string, stored: number, replaced: number) {
    this.pointsStored.set(deviceId, (this.pointsStored.get(deviceId) ?? 0) + stored)
    this.replaced += replaced
  }
}
