/**
 * Where buckets begin, by the clocks of a time zone. A bucket during which the clocks change is longer or shorter than others, as days are.
 * `floor(ts)` and `next(start)` agree, so that the buckets of a range are the same from either of its ends.
 */
import { type LocalClock, maxTime, maxZonedTime } from "../../domain/localClock.ts"

/** All times are epoch ms. */
export interface BucketBoundaries {
  /** The start of the bucket that contains `ts`. */
  readonly floor: (ts: number) => number
  /** The start of the bucket after the one that begins at `start`. */
  readonly next: (start: number) => number
}

const hour = 3_600_000
const day = 24 * hour

const modulo = (a: number, b: number) => ((a % b) + b) % b

/** Without a time zone: multiples of the length since the epoch. */
export const fixedBoundaries = (length: number): BucketBoundaries => ({
  floor: (ts) => ts - modulo(ts, length),
  next: (start) => start + length
})

/**
 * Buckets of at most an hour begin whenever the clocks show a multiple of the length. In the hour that occurs twice each has buckets of its
 * own. Where the clocks skip the start of a bucket, it begins at the change.
 */
const shortBoundaries = ({ findChange, offsetAt }: LocalClock, length: number): BucketBoundaries => {
  const isSameGrid = (a: number, b: number) => (a - b) % length === 0
  const lastBefore = (ts: number, offset: number) => ts - modulo(ts + offset, length)
  /** Whether the clocks skip the start of a bucket at their change. */
  const beginsBucket = (change: number) =>
    Math.floor((change + offsetAt(change)) / length) > Math.floor((change - 1 + offsetAt(change - 1)) / length)
  return {
    floor: (ts) => {
      const start = lastBefore(ts, offsetAt(ts))
      if (isSameGrid(offsetAt(start), offsetAt(ts))) return start
      const change = findChange(start, ts)
      return beginsBucket(change) ? change : lastBefore(change - 1, offsetAt(change - 1))
    },
    next: (start) => {
      const end = lastBefore(start, offsetAt(start)) + length
      if (isSameGrid(offsetAt(end), offsetAt(start))) return end
      const change = findChange(start, end)
      return beginsBucket(change) ? change : change + modulo(-(change + offsetAt(change)), length)
    }
  }
}

/** Numbers the units of a calendar, such as the days since 1970-01-01 or the months since 1970-01. */
interface Calendar {
  readonly indexOf: (local: number) => number
  /** The local time at which a unit begins. */
  readonly start: (index: number) => number
}

const units = (length: number): Calendar => ({ indexOf: (local) => Math.floor(local / length), start: (index) => index * length })

const months: Calendar = {
  indexOf: (local) => {
    const date = new Date(local)
    return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()
  },
  start: (index) => Date.UTC(1970, index, 1)
}

/**
 * Buckets of `count` units, counted from the unit with the index `first`. Each begins when the clocks first show its start: at a day's first
 * instant, which is not 00:00 where the clocks skip midnight.
 */
const calendarBoundaries = (clock: LocalClock, calendar: Calendar, count: number, first = 0): BucketBoundaries => {
  const instantOf = (index: number) => clock.firstInstant(calendar.start(index))
  const indexOf = (ts: number) => Math.floor((calendar.indexOf(clock.localTime(ts)) - first) / count) * count + first
  /** Shortly after midnight clocks may go back to the day before, which has ended already. */
  const floorIndex = (ts: number) => {
    let index = indexOf(ts)
    while (instantOf(index + count) <= ts) index += count
    return index
  }
  return {
    floor: (given) => {
      const ts = Math.min(given, maxZonedTime)
      return instantOf(floorIndex(ts))
    },
    next: (start) => {
      if (start >= maxZonedTime) return maxTime
      return instantOf(floorIndex(start) + count)
    }
  }
}

/** Buckets of a length in ms, counted from 1970-01-01T00:00 of the clocks. */
export const lengthBoundaries = (clock: LocalClock, length: number): BucketBoundaries =>
  length <= hour ? shortBoundaries(clock, length) : calendarBoundaries(clock, units(length), 1)

export const dayBoundaries = (clock: LocalClock, count: number): BucketBoundaries => calendarBoundaries(clock, units(day), count)

/** 1970-01-05 was a Monday. */
export const weekBoundaries = (clock: LocalClock, count: number): BucketBoundaries => calendarBoundaries(clock, units(day), 7 * count, 4)

export const monthBoundaries = (clock: LocalClock, count: number): BucketBoundaries => calendarBoundaries(clock, months, count)
