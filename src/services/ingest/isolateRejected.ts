/**
 * Finds the points for which ThingsBoard rejects a write, by writing smaller and smaller parts of it. ThingsBoard rejects a write as a whole
 * for one point that it cannot store, with 400 or with 500. After a 500 it is not known at first whether it is due to a point or whether
 * ThingsBoard fails everything: a point counts as rejected only if another write succeeds right before it fails again.
 */
import { Effect } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import { failureOf } from "../../thingsboard/errors/failures.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"

export interface Range {
  readonly from: number
  readonly to: number
}

/** Shared by all writes of an import. */
export interface Health {
  /** Writes that failed with 500 one after the other. */
  failuresInARow: number
}

export interface Isolation {
  readonly health: Health
  /** ThingsBoard is known to store other points meanwhile: what fails with 500 is due to its points. */
  readonly isAlive?: boolean
  /** Writes a range, and returns nothing if it is stored. */
  readonly write: (range: Range) => Effect.Effect<ThingsBoardError | EntityNotFound | undefined>
  /** Where to split a range of several points: between rows, if it has several. */
  readonly split: (range: Range) => number
  readonly onStored: (range: Range) => void
  /** `error` is why. A range of several points: one or more of them are the reason, and none is stored. */
  readonly onRejected: (range: Range, error: ThingsBoardError) => void
  readonly onUnknown: (range: Range) => void
}

/** Writes for one failed write. 20,000 points need 15 for each rejected one, or fewer if there are many. */
const maxWrites = 256
/** Writes that fail with 500 one after the other before ThingsBoard counts as failing. 15 of them are the way to the first point. */
const maxFailuresInARow = 24

/** Whether the points of a write may be the reason why it failed, so that a part of it can succeed. */
export const mayBeDueToPoints = (error: ThingsBoardError): boolean => ["rejected", "failed"].includes(failureOf(error).effects)

const isRejection = (error: ThingsBoardError | EntityNotFound): error is ThingsBoardError =>
  error._tag === "ThingsBoardError" && mayBeDueToPoints(error)

/** ThingsBoard responded with 500, which may be due to the points. */
export const hasFailed = (error: ThingsBoardError) => failureOf(error).effects === "failed"

/**
 * Stores all of a write that failed with `error`, except what ThingsBoard rejects. Returns why it gave up, if it did; what was left is
 * reported as unknown.
 */
export const isolateRejected = Effect.fnUntraced(function* (
  whole: Range,
  error: ThingsBoardError,
  { health, isAlive = false, onRejected, onStored, onUnknown, split, write }: Isolation
): Effect.fn.Return<ThingsBoardError | EntityNotFound | undefined> {
  /** In order, so that of two points with the same key and time the later one is written last. The first one is at the end. */
  const pending: Array<{ readonly range: Range; error: ThingsBoardError | undefined }> = [{ range: whole, error }]
  /** Single points that failed with 500 before anything was stored. */
  const suspects: Array<{ readonly range: Range }> = []
  let lastStored: Range | undefined
  let writes = 0

  const attempt = (range: Range) => {
    writes++
    return write(range)
  }
  const giveUp = (reason: ThingsBoardError | EntityNotFound) => {
    for (const { range } of [...suspects, ...pending]) onUnknown(range)
    return reason
  }
  const count = (failure: ThingsBoardError) => {
    if (hasFailed(failure) && !isAlive) health.failuresInARow++
    return health.failuresInARow >= maxFailuresInARow
  }

  while (pending.length > 0) {
    const { error: known, range } = pending.at(-1)!
    if (known !== undefined && count(known)) return giveUp(known)
    const failure = known ?? (yield* attempt(range))
    if (failure === undefined) {
      health.failuresInARow = 0
      onStored(range)
      pending.pop()
      lastStored = range
      // ThingsBoard stores points, so what still fails is due to the point. A suspect that is stored now must not be the later one.
      let restored = false
      for (const suspect of suspects.splice(0)) {
        const again = yield* attempt(suspect.range)
        if (again === undefined) {
          onStored(suspect.range)
          restored = true
        } else if (isRejection(again)) onRejected(suspect.range, again)
        else onUnknown(suspect.range)
      }
      if (restored && (yield* attempt(range)) !== undefined) onUnknown(range)
      continue
    }
    if (!isRejection(failure)) return giveUp(failure)
    if (known === undefined && count(failure)) return giveUp(failure)
    pending.pop()
    if (range.to - range.from > 1 && writes < maxWrites) {
      const middle = split(range)
      pending.push(
        { range: { from: middle, to: range.to }, error: undefined },
        { range: { from: range.from, to: middle }, error: undefined }
      )
    } else if (!hasFailed(failure) || (isAlive && range.to - range.from === 1)) onRejected(range, failure)
    else if (range.to - range.from > 1) onUnknown(range)
    else if (lastStored === undefined) suspects.push({ range })
    else {
      const alive: Range = { from: lastStored.to - 1, to: lastStored.to }
      const aliveFailure = yield* attempt(alive)
      const again = yield* attempt(range)
      if (again === undefined) {
        health.failuresInARow = 0
        onStored(range)
      } else if (aliveFailure === undefined && isRejection(again)) {
        health.failuresInARow = 0
        onRejected(range, again)
      } else {
        onUnknown(range)
        if (!isRejection(again) || count(again)) return giveUp(again)
      }
    }
  }
  for (const { range } of suspects) onUnknown(range)
  return undefined
})
