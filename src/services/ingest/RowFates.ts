/** What became of the rows of one device that were written together, by the ranges of their points. */
import type { DevicePoints } from "./PointBuffer.ts"
import type { ImportReport } from "./ImportReport.ts"

type Fate = { readonly _tag: "Rejected"; readonly reason: string } | { readonly _tag: "Unknown" } | { readonly _tag: "NotSent" }

/** Of several points of a row, the one whose fate counts: a row that may be stored is not reported as rejected. */
const weight = { Rejected: 1, NotSent: 2, Unknown: 3 } as const

export class RowFates {
  /** By the index of the row; rows without an entry are stored. */
  private readonly fates = new Map<number, Fate>()

  constructor(private readonly device: DevicePoints) {}

  /** The index of the row that the point belongs to. */
  rowOf(point: number): number {
    const { ends } = this.device
    let low = 0
    let high = ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (ends[middle]! > point) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The index of the row's first point. */
  startOf(row: number): number {
    return row === 0 ? 0 : this.device.ends[row - 1]!
  }

  /** Sets the fate of the points from `from` to before `to`. */
  set(from: number, to: number, fate: Fate) {
    if (from >= to) return
    const last = this.rowOf(to - 1)
    for (let row = this.rowOf(from); row <= last; row++) {
      const known = this.fates.get(row)
      if (known === undefined || weight[fate._tag] > weight[known._tag]) this.fates.set(row, fate)
    }
  }

  reportTo(report: ImportReport) {
    const { lines } = this.device
    report.accepted += lines.length - this.fates.size
    for (const [row, fate] of this.fates) {
      const line = lines[row]!
      if (fate._tag === "Rejected") report.reject(line, fate.reason)
      else if (fate._tag === "Unknown") report.addUnknown(line)
      else report.addNotSent(line)
    }
  }
}
