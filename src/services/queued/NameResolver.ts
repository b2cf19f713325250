/** Finds the devices of queued points that name them, as the key that uploaded the points sees them. */
import { Effect } from "effect"
import { currentMonotonicMillis } from "../../platform/monotonicTime.ts"
import type { SpoolError } from "../../spool/errors.ts"
import type { Spool } from "../../spool/Spool.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { deviceIdsByName } from "../devices/DeviceSelection.ts"
import { DeviceNames, reasons } from "../ingest/DeviceNames.ts"
import { rejectAll } from "./storeEntries.ts"

/** Ms. A name that is not found among names of this age is looked up again before its points are rejected. */
const lifetime = 10_000

/** Names per round. */
const maxNames = 10_000

/** Points of a name that are rejected at once: a few ms. */
const maxPoints = 2000

export class NameResolver {
  private known: DeviceNames | undefined
  private loadedAt = 0
  private readonly spool: Spool
  private readonly thingsBoard: ThingsBoardShape
  private readonly owner: string

  constructor(spool: Spool, thingsBoard: ThingsBoardShape, owner: string) {
    this.spool = spool
    this.thingsBoard = thingsBoard
    this.owner = owner
  }

  /** Resolves the names that wait. Returns why they cannot be looked up, if so. */
  get resolve(): Effect.Effect<ThingsBoardError | undefined, SpoolError> {
    return Effect.flatMap(this.spool.names(this.owner, maxNames), (names) => {
      if (names.length === 0) return Effect.undefined
      return Effect.flatMap(this.load(names), (error) =>
        error === undefined
          ? Effect.as(
              Effect.forEach(names, (name) => this.resolveOne(name), { discard: true }),
              undefined
            )
          : Effect.succeed(error)
      )
    })
  }

  /** Loads the names of all devices, unless those that were loaded shortly before have all that is asked for. */
  private readonly load = Effect.fnUntraced(function* (this: NameResolver, names: ReadonlyArray<string>) {
    const now = yield* currentMonotonicMillis
    const isRecent = this.known !== undefined && now - this.loadedAt < lifetime
    if (isRecent && names.every((name) => "id" in this.known!.find(name))) return undefined
    const loaded = new DeviceNames(deviceIdsByName(this.thingsBoard))
    const error = yield* Effect.match(loaded.load(), { onSuccess: () => undefined, onFailure: (error) => error })
    if (error !== undefined) return error
    this.known = loaded
    this.loadedAt = now
    return undefined
  })

  private readonly resolveOne = Effect.fnUntraced(function* (this: NameResolver, name: string) {
    const found = this.known!.find(name)
    if ("id" in found) return yield* this.spool.resolve({ owner: this.owner, name }, found.id)
    for (;;) {
      const entries = yield* this.spool.nextOfName({ owner: this.owner, name }, maxPoints)
      if (entries.length === 0) return
      yield* this.spool.finish(rejectAll(entries, reasons[found.issue]))
    }
  })
}
