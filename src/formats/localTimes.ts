/** Writes times as the clocks of a time zone show them, beside the milliseconds. */
import { copy, type TimeColumn, utf8 } from "./tokens.ts"

/** `2026-01-31T08:00:00.000+01:00`, or what a spreadsheet reads as a date: `2026-01-31 08:00:00`, with milliseconds only if there are some. */
export type TimeStyle = "iso" | "spreadsheet"

/** Bytes of the longest time, with a year of five digits, and room for what is around it. */
const maxTimeLength = 40
const day = 86_400_000

const putTwo = (out: Uint8Array, at: number, n: number): number => {
  out[at] = 48 + Math.floor(n / 10)
  out[at + 1] = 48 + (n % 10)
  return at + 2
}

const formatOffset = (millis: number): string => {
  const minutes = Math.abs(Math.trunc(millis / 60_000))
  const two = (n: number) => String(n).padStart(2, "0")
  return `${millis < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** `offsetAt` returns ms ahead of UTC. `before` and `after` are written around each time. Dates and offsets are kept, since rows are in order. */
export const timeColumn = (offsetAt: (ts: number) => number, style: TimeStyle, before: string, after: string): TimeColumn => {
  const [prefix, suffix] = [utf8.encode(before), utf8.encode(after)]
  let [knownDay, knownOffset] = [Number.NaN, Number.NaN]
  let [date, offset]: [Uint8Array, Uint8Array] = [prefix, suffix]
  return {
    maxLength: prefix.length + suffix.length + maxTimeLength,
    write: (out, start, ts) => {
      const ahead = offsetAt(ts)
      const local = ts + ahead
      const index = Math.floor(local / day)
      if (index !== knownDay) {
        date = utf8.encode(`${new Date(index * day).toISOString().split("T")[0]!}${style === "iso" ? "T" : " "}`)
        knownDay = index
      }
      if (ahead !== knownOffset) {
        offset = utf8.encode(style === "iso" ? formatOffset(ahead) : "")
        knownOffset = ahead
      }
      const inDay = local - index * day
      const millis = inDay % 1000
      const seconds = (inDay - millis) / 1000
      let at = copy(out, start, prefix, 0, prefix.length)
      at = copy(out, at, date, 0, date.length)
      at = putTwo(out, at, Math.floor(seconds / 3600))
      out[at++] = 58
      at = putTwo(out, at, Math.floor(seconds / 60) % 60)
      out[at++] = 58
      at = putTwo(out, at, seconds % 60)
      if (style === "iso" || millis > 0) {
        out[at++] = style === "iso" ? 46 : 44
        out[at++] = 48 + Math.floor(millis / 100)
        at = putTwo(out, at, millis % 100)
      }
      at = copy(out, at, offset, 0, offset.length)
      return copy(out, at, suffix, 0, suffix.length)
    }
  }
}
