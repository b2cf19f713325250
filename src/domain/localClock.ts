/** The clocks of a time zone: what they show at an instant, and when they first show a time. */
import { DateTime, Option } from "effect"

const day = 86_400_000

/** The column with local times in exported files, which imports ignore. */
export const localTimeName = "local_time"

/** The largest time in JavaScript, and the last one that has a date in every zone. */
export const maxTime = 8_640_000_000_000_000
export const maxZonedTime = maxTime - 2 * day

/** Local times are in ms since 1970-01-01T00:00 of the zone's own clocks. */
export interface LocalClock {
  readonly isUtc: boolean
  /** Ms that the clocks are ahead of UTC. */
  readonly offsetAt: (ts: number) => number
  readonly localTime: (ts: number) => number
  /** The first instant at which the clocks show a local time or, if they skip it, a later one. */
  readonly firstInstant: (local: number) => number
  /** The first instant after `from`, up to `to`, with another offset than at `from`. There is one, and only one. */
  readonly findChange: (from: number, to: number) => number
}

/** The offsets of a day before and after its change; the clocks change once per day at most. */
interface UtcDay {
  readonly before: number
  readonly change: number
  readonly after: number
}

/** Limits the memory of a clock. */
const maxDays = 1000

const localClock = (timeZone: DateTime.TimeZone.Named): LocalClock => {
  const readOffset = (ts: number) =>
    timeZone.id === "UTC" ? 0 : DateTime.zonedOffset(DateTime.makeZonedUnsafe(Math.min(ts, maxZonedTime), { timeZone }))

  /** The first instant after `from` whose offset is that of `to`. */
  const search = (from: number, to: number): number => {
    const offset = readOffset(from)
    let [before, after] = [from, to]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (readOffset(middle) === offset) before = middle
      else after = middle
    }
    return after
  }

  /** By days of UTC: reading an offset takes as long as everything else about a bucket. */
  const days = new Map<number, UtcDay>()
  const readDay = (index: number): UtcDay => {
    const [from, to] = [index * day, (index + 1) * day]
    const [before, after] = [readOffset(from), readOffset(to)]
    return { before, after, change: before === after ? to : search(from, to) }
  }

  const dayOf = (ts: number): UtcDay => {
    const index = Math.floor(ts / day)
    const known = days.get(index) ?? readDay(index)
    if (days.size >= maxDays) days.clear()
    days.set(index, known)
    return known
  }

  const offsetAt = (ts: number): number => {
    const { after, before, change } = dayOf(ts)
    return ts < change ? before : after
  }

  const findChange = (from: number, to: number): number => {
    for (let ts = from; ts < to + day; ts += day) {
      const { after, before, change } = dayOf(ts)
      if (before !== after && change > from && change <= to) return change
    }
    return to
  }

  /** Clocks are less than a day ahead of UTC or behind it. */
  const firstInstant = (local: number): number => {
    if (!(local <= maxTime)) return maxTime
    const before = offsetAt(local - day)
    const ts = local - before
    if (offsetAt(ts) === before) return ts > maxZonedTime ? maxTime : ts
    const change = findChange(local - day, ts)
    return Math.max(change, local - offsetAt(change))
  }

  return { isUtc: timeZone.id === "UTC", offsetAt, findChange, firstInstant, localTime: (ts) => Math.min(ts, maxZonedTime) + offsetAt(ts) }
}

/** What is wrong with the name of a time zone that does not exist. */
export const timeZoneIssue = "Expected an IANA time zone such as Europe/Berlin"

/** The clocks of an IANA time zone; undefined if none has this name. */
export const clockOf = (timeZone: string): LocalClock | undefined => {
  const zone = DateTime.zoneMakeNamed(timeZone)
  return Option.isNone(zone) ? undefined : localClock(zone.value)
}
