/**
 * Times in the future. They are stored, since there are forecasts, but most are mistakes: a wrong unit, time zone or clock, after which the
 * latest value stays that of the wrong time.
 */
import { Clock, Effect } from "effect"
import { plural } from "../../domain/plural.ts"

/** In ms. A clock that is a little ahead, or local times that were taken for UTC, stay below it. */
const nearFuture = 86_400_000

/** The last time that is not reported. */
export const lastExpectedTime: Effect.Effect<number> = Effect.map(Clock.currentTimeMillis, (now) => now + nearFuture)

export interface FutureTimes {
  readonly count: number
  /** Where the first one is. */
  readonly first: string
}

/** `what` is what has the times. */
export const futureWarning = ({ count, first }: FutureTimes, what: "point" | "row"): ReadonlyArray<string> =>
  count === 0
    ? []
    : [
        `${plural(count, `${what} has a time`, `${what}s have times`)} more than a day in the future, the first ${first}: check the unit, the time zone and the clock.`
      ]

/** Longer places are cut: they contain keys and names from the body. */
const maxLength = 150

/** Counts them while a body is read. Times up to `last` are not in the future. */
export class FutureCounter {
  count = 0
  first = ""
  constructor(readonly last = Number.POSITIVE_INFINITY) {}

  add(where: string): void {
    if (this.count++ === 0) this.first = where.slice(0, maxLength)
  }
}
