/** Reads local times as instants: those that the clocks of a time zone skip or show twice need a rule. */
import { impossibleTime } from "../../domain/isoTime.ts"
import type { LocalClock } from "../../domain/localClock.ts"
import { maxTimestamp } from "../../domain/timestamps.ts"

/** The device and keys of a row, each of which has one value per time. Only called if they matter. */
export type SeriesOfRow = () => Iterable<string>

/** Returns milliseconds, or what is wrong with the time. */
export type ReadLocalTime = (local: number, series: SeriesOfRow) => number | string
export type TimeReader = (text: string, series: SeriesOfRow) => number | string

/** What to do with a local time that the clocks show twice: reject it, or infer from the rows before which of the two it is. */
export type RepeatedTimes = "reject" | "infer"

/** No clocks go back by more. */
const threeHours = 3 * 3_600_000

/**
 * Tells which of two instants a row means, in a file in order of time: the first one that is not before the row before. If that row has the
 * same time, the row is another one of that time if none had its series, as in files with one row per key. Otherwise it is the second one, as
 * in files with one row per hour.
 */
class RowOrder {
  private previous: number | undefined
  /** Those of the rows with the time of `previous`, if the clocks show it twice. */
  private readonly seen = new Set<string>()

  add(ts: number): void {
    if (ts === this.previous) return
    this.previous = ts
    this.seen.clear()
  }

  /** Adds the row, unless the rows before leave a doubt: then it returns undefined. Guessing would store a point at a wrong time. */
  infer(first: number, second: number, series: SeriesOfRow): number | undefined {
    const { previous } = this
    if (previous === undefined || previous > second) return undefined
    const all = [...series()]
    const isFirst = previous < first || (previous === first && !all.some((one) => this.seen.has(one)))
    const ts = isFirst ? first : second
    this.add(ts)
    for (const one of all) this.seen.add(one)
    return ts
  }
}

/** A time that the clocks skip has no instant. */
export const toInstant = (clock: LocalClock, zone: string, repeated: RepeatedTimes = "reject"): ReadLocalTime => {
  const order = new RowOrder()
  return (local, series) => {
    const first = clock.firstInstant(local)
    if (clock.localTime(first) !== local) return `Expected a time that exists in ${zone}: its clocks skip this one`
    const second = local - clock.offsetAt(first + threeHours)
    if (!(first >= 0 && second <= maxTimestamp)) return impossibleTime
    if (second <= first || clock.localTime(second) !== local) {
      order.add(first)
      return first
    }
    if (repeated === "reject")
      return `Expected a time that is unique in ${zone}: its clocks show this one twice, so send an offset, or repeated_times=infer`
    return (
      order.infer(first, second, series) ??
      `Expected a row before this one that tells which time it is, since the clocks of ${zone} show it twice`
    )
  }
}
