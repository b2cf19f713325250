/** What became of the rows of an import. */
export interface RejectedRow {
  /** From 1, the header counted. */
  readonly line: number
  readonly reason: string
}

/** Refused rows that are listed one by one; the rest is counted. */
const maxListed = 1000

export class ImportReport {
  /** Rows that were taken and, unless it was a dry run, stored. */
  taken = 0
  refusedCount = 0
  /** Decimals that were rounded to be stored as numbers. */
  rounded = 0
  /** Points that a later one of the same write replaced. */
  replaced = 0
  readonly refused: Array<RejectedRow> = []
  readonly pointsStored = new Map<string, number>()

  refuse(line: number, reason: string) {
    this.refusedCount++
    if (this.refused.length < maxListed) this.refused.push({ line, reason })
  }

  stored(deviceId: string, points: number) {
    this.pointsStored.set(deviceId, (this.pointsStored.get(deviceId) ?? 0) + points)
  }

  /** Rows that had been taken, and then were not stored. */
  takeBack(lines: ReadonlyArray<number>, reason: string) {
    this.taken -= lines.length
    for (const line of lines) this.refuse(line, reason)
  }
}
