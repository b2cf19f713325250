/** The flag `--expires`: a date, a time, or a duration from now. */
import { DateTime, Effect, Option, Schema } from "effect"
import { CliError, Flag } from "effect/cli"
import { OffsetDateTime } from "../../domain/ApiKey.ts"
import { formatTime } from "./output.ts"

const parseTime = Schema.decodeOption(OffsetDateTime)

/** A date means the end of that day, so the key still works on it. */
const parseEndOfDay = (text: string) =>
  /^\d{4}-\d\d-\d\d$/.test(text) ? Option.map(parseTime(`${text}T00:00:00Z`), DateTime.add({ days: 1 })) : Option.none()

const parseDuration = (text: string, now: DateTime.Utc) => {
  const [, count, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? []
  if (count === undefined) return Option.none()
  const duration = unit === "d" ? { days: Number(count) } : { hours: Number(count) }
  return Option.some(DateTime.startOf(DateTime.add(now, duration), "second"))
}

const expected =
  "Expected a date (2027-12-31: the key works until the end of that day in UTC), a time with its offset (2027-12-31T18:00:00+01:00), or a duration from now (90d, 12h)"

const invalid = (sentence: string) => new CliError.ValidationError({ message: `--expires ${sentence}` })

/** Whether the key file can represent the time: it cannot represent the year 10000. */
const isRepresentable = (expiry: DateTime.Utc) => Option.isSome(Schema.encodeOption(OffsetDateTime)(expiry))

export const parseExpiry = Effect.fnUntraced(function* (text: string) {
  const now = yield* DateTime.now
  const expiry = Option.firstSomeOf([parseTime(text), parseEndOfDay(text), parseDuration(text, now)])
  if (Option.isNone(expiry) || !isRepresentable(expiry.value))
    return yield* invalid(`${JSON.stringify(text)} is not a valid expiry. ${expected}`)
  if (DateTime.isLessThanOrEqualTo(expiry.value, now))
    return yield* invalid(`${JSON.stringify(text)} is in the past: the key would have expired ${formatTime(expiry.value)}`)
  return expiry.value
})

export const expires = Flag.String("expires").pipe(
  Flag.withMetavar("when"),
  Flag.withDescription(
    "Expiry of the key: the end of a day in UTC (2027-12-31), a time (2027-12-31T18:00:00+01:00), or a duration from now (90d, 12h)"
  ),
  Flag.mapEffect(parseExpiry)
)
