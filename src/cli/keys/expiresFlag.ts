/** When a key ends, as it is written on the command line. */
import { DateTime, Effect, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import { OffsetDateTime } from "../../domain/ApiKey.ts"
import { formatTime } from "./output.ts"

const moment = Schema.decodeOption(OffsetDateTime)

/** The key works on the day that is named: it ends when the day does. */
const endOfDay = (text: string) =>
  /^\d{4}-\d\d-\d\d$/.test(text) ? Option.map(moment(`${text}T00:00:00Z`), DateTime.add({ days: 1 })) : Option.none()

const after = (text: string, now: DateTime.Utc) => {
  const [, count, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? []
  if (count === undefined) return Option.none()
  const length = unit === "d" ? { days: Number(count) } : { hours: Number(count) }
  return Option.some(DateTime.startOf(DateTime.add(now, length), "second"))
}

const expected =
  "Expected a date (2027-12-31: the key works until the end of that day in UTC), a time with its offset (2027-12-31T18:00:00+01:00), or a length from now (90d, 12h)"

const wrong = (sentence: string) => new CliError.ValidationError({ message: `--expires ${sentence}` })

/** Whether it can be written, and read again as the same: the file has no place for the year 10000. */
const fits = (end: DateTime.Utc) => Option.isSome(Schema.encodeOption(OffsetDateTime)(end))

export const parseExpiry = Effect.fnUntraced(function* (text: string) {
  const now = yield* DateTime.now
  const end = Option.firstSomeOf([moment(text), endOfDay(text), after(text, now)])
  if (Option.isNone(end) || !fits(end.value)) return yield* wrong(`${JSON.stringify(text)} is no time that is understood. ${expected}`)
  if (DateTime.isLessThanOrEqualTo(end.value, now))
    return yield* wrong(`${JSON.stringify(text)} is past: the key would end ${formatTime(end.value)}`)
  return end.value
})

export const expires = Flag.String("expires").pipe(
  Flag.withMetavar("when"),
  Flag.withDescription(
    "When the key stops working: after a day in UTC (2027-12-31), at a time (2027-12-31T18:00:00+01:00) or in a while (90d, 12h)"
  ),
  Flag.mapEffect(parseExpiry)
)
