/** Stores the waiting points of one device, and finds out what became of each entry. */
import { Effect } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import type { Entry, Outcome, RejectedPoints, SpooledPoint } from "../../spool/model.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { confirmMissing } from "./confirmMissing.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { deviceMissing } from "../ingest/ImportWriter.ts"
import { hasFailed, type Health, isolateRejected, mayBeDueToPoints, type Range } from "../ingest/isolateRejected.ts"
import type { Ingest } from "../ingest/Ingest.ts"

export interface Stored {
  /** The entries whose points are all stored or rejected, from the first one on: a later one is not finished before an earlier one. */
  readonly finished: ReadonlyArray<Outcome>
  /** Why ThingsBoard or its user's login does not work, if so: the other devices would fail as well. */
  readonly stopped: ThingsBoardError | undefined
}

/** `undefined`: stored. */
type Fate = "unknown" | { readonly reason: string } | undefined

const reasonOf = (size: number, error: ThingsBoardError) => {
  const verb = hasFailed(error) ? "fails to store" : "rejects"
  return size > 1 ? `ThingsBoard ${verb} one of these ${size} points` : `ThingsBoard ${verb} this key or value`
}

/** The points of an entry by the reason for which they were rejected. */
const rejectedOf = (points: ReadonlyArray<SpooledPoint>, fates: ReadonlyArray<Fate>): ReadonlyArray<RejectedPoints> => {
  const byReason = new Map<string, Array<SpooledPoint>>()
  for (const [index, fate] of fates.entries()) {
    if (fate === undefined || fate === "unknown") continue
    const found = byReason.get(fate.reason) ?? []
    found.push(points[index]!)
    byReason.set(fate.reason, found)
  }
  return [...byReason].map(([reason, rejected]) => ({ reason, points: rejected }))
}

/** An entry with points of unknown fate, and all later ones, are sent again: that keeps the order, and stores nothing twice. */
const decided = (entries: ReadonlyArray<Entry>, fates: ReadonlyArray<Fate>): ReadonlyArray<Outcome> => {
  const outcomes: Array<Outcome> = []
  let from = 0
  for (const entry of entries) {
    const part = fates.slice(from, (from += entry.points.length))
    if (part.includes("unknown")) break
    outcomes.push({ entry, rejected: rejectedOf(entry.points, part) })
  }
  return outcomes
}

/** All entries of the device are finished, and none of their points is stored. */
export const rejectAll = (entries: ReadonlyArray<Entry>, reason: string): ReadonlyArray<Outcome> =>
  entries.map((entry) => ({ entry, rejected: [{ reason, points: entry.points }] }))

export interface Evidence {
  /** Shared by all devices of one ThingsBoard user. */
  readonly health: Health
  /**
   * How sure it is that a 500 is due to the points, and not to ThingsBoard: `none`, nothing is rejected for it; `repeated`, it has failed
   * several times, so that points are rejected if others of the device are stored; `alive`, every point that fails alone is rejected.
   */
  readonly of500: "none" | "repeated" | "alive"
}

export const storeEntries = Effect.fnUntraced(function* (
  ingest: Ingest["Service"],
  thingsBoard: ThingsBoardShape,
  deviceId: string,
  entries: ReadonlyArray<Entry>,
  { health, of500 }: Evidence
): Effect.fn.Return<Stored> {
  const points = entries.flatMap((entry) => entry.points)
  const write = ({ from, to }: Range): Effect.Effect<EntityNotFound | ThingsBoardError | undefined> =>
    Effect.match(ingest.store(deviceId, to - from === points.length ? points : points.slice(from, to)), {
      onSuccess: () => undefined,
      onFailure: (error) => error
    })
  const whole = { from: 0, to: points.length }
  const failure = yield* write(whole)
  if (failure === undefined) {
    health.failuresInARow = 0
    return { finished: entries.map((entry) => ({ entry, rejected: [] })), stopped: undefined }
  }
  if (failure._tag === "EntityNotFound") {
    const isMissing = yield* confirmMissing(thingsBoard, deviceId)
    if (isMissing === true) return { finished: rejectAll(entries, deviceMissing), stopped: undefined }
    return { finished: [], stopped: isMissing === false ? undefined : isMissing }
  }
  if (!mayBeDueToPoints(failure)) return { finished: [], stopped: failure }
  const fates: Array<Fate> = Array.from({ length: points.length }, () => undefined)
  const stopped = yield* isolateRejected(whole, failure, {
    health,
    isAlive: of500 === "alive",
    write,
    onStored: () => {},
    onRejected: ({ from, to }, error) =>
      fates.fill(of500 !== "none" || !hasFailed(error) ? { reason: reasonOf(to - from, error) } : "unknown", from, to),
    onUnknown: ({ from, to }) => fates.fill("unknown", from, to),
    split: ({ from, to }) => (from + to) >> 1
  })
  // The device was deleted meanwhile: what is left is rejected when it is sent again.
  return { finished: decided(entries, fates), stopped: stopped?._tag === "ThingsBoardError" ? stopped : undefined }
})
