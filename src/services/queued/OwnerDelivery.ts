/**
 * Stores what waits of one API key, with its rights and as its ThingsBoard user: the devices side by side, and the points of one device in
 * the order in which they were accepted, as many as one write can carry.
 */
import { Array, Effect, Random, type Semaphore } from "effect"
import type { TbCredentials } from "../../config/Settings.ts"
import type { ApiKeys } from "../../apikeys/ApiKeys.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"
import { currentMonotonicMillis } from "../../platform/monotonicTime.ts"
import type { SpoolError } from "../../spool/errors.ts"
import type { Entry, Outcome, WaitingDevices } from "../../spool/model.ts"
import type { Spool } from "../../spool/Spool.ts"
import { askedPauseOf } from "../../thingsboard/errors/failures.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { maxPointsPerWrite } from "../../thingsboard/requests/telemetryBatches.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { UserSessions } from "../../thingsboard/UserSessions.ts"
import { hasFailed, type Health } from "../ingest/isolateRejected.ts"
import type { Ingest } from "../ingest/Ingest.ts"
import { asKey } from "./keyOwner.ts"
import { confirmMissing } from "./confirmMissing.ts"
import { NameResolver } from "./NameResolver.ts"
import { type Evidence, rejectAll, storeEntries } from "./storeEntries.ts"

/**
 * How ThingsBoard works for one of its users. The keys of a user share it. Those of others do not: ThingsBoard responds with 500 to each
 * write of a tenant that has used up its storage (DefaultTelemetrySubscriptionService.java:142-150 of 4.1).
 */
export interface UserHealth extends Health {
  /** Writes that stored something. */
  storedWrites: number
}

export interface DeliveryParts {
  readonly spool: Spool
  readonly keys: ApiKeys["Service"]
  readonly sessions: UserSessions["Service"]
  readonly ingest: Ingest["Service"]
  readonly thingsBoard: ThingsBoardShape
  readonly eventLoop: EventLoop["Service"]
  /** Undefined: the gateway's own user. */
  readonly healthOf: (user: TbCredentials | undefined) => UserHealth
  /** Ms after which the spool refuses uploads when its oldest points still wait (SPOOL_MAX_AGE). */
  readonly maxAge: number
  /** Limits the writes of all keys together. */
  readonly writes: Semaphore.Semaphore
  readonly concurrency: number
}

/** Points that are read from the disk at once: a few ms. */
const pointsPerTurn = 2000

/** Entries that are removed at once: a few ms. */
const entriesPerCommit = 200

/** Ms. Pauses after failures double, up to half a minute. */
const firstPause = 500
const longestPause = 30_000
const pauseAfter = (failures: number) => Math.min(longestPause, firstPause * 2 ** Math.min(failures - 1, 10))

/** Limits the memory. A device that is forgotten is tried again at once. */
const maxStuck = 100_000

/** Ms: the longest pause that ThingsBoard can ask for. */
const maxAskedPause = 60_000

/** Ms between two log entries about rejected points of a key, and between two about a device that fails. */
const logInterval = 60_000

/** Ms between two looks at what has to wait: devices that are paused, or behind points of other keys. */
const stuckPause = 1000

/** Attempts that must fail in the same way before points are set aside for a 500, with pauses of half a second to two seconds between them. */
const confirmations = 3

/** Points that are set aside for a 500 after SPOOL_MAX_AGE if nothing else waits, so that they do not block the queue for good. */
const maxBlockingPoints = 100

/** Ms for which the points of an unknown key are left alone if other gateways share the queue: one of them may know it already, or still. */
const unknownKeyPause = 3_600_000

/**
 * Ms between two rounds, in which points gather: a call for the points of many uploads costs little more than one for those of a few. What
 * arrives while nothing waits is sent at once.
 */
const gatherPause = 50

const keyRemoved = "the API key of this upload has been removed or disabled"

const rejectedIn = ({ rejected }: Outcome) => rejected.reduce((points, part) => points + part.points.length, 0)
const hasStored = (outcome: Outcome) => rejectedIn(outcome) < outcome.entry.points.length

/** The deliveries of one key, one after the other. What it remembers about failures lasts from one to the next. */
export class OwnerDelivery {
  private health: UserHealth
  private readonly names: NameResolver
  private failures = 0
  /** Devices whose oldest points could not be stored: how often, until when they are left alone, and `storedWrites` at the first failure. */
  private readonly stuck = new Map<string, { readonly failures: number; readonly until: number; readonly storedBefore: number }>()
  /** Why ThingsBoard does not work for this key, if so. */
  private stopped: ThingsBoardError | undefined
  private loggedAt = Number.NEGATIVE_INFINITY
  private stuckLoggedAt = Number.NEGATIVE_INFINITY
  /** When the key was missing for the first time, until it is there again. */
  private unknownSince: number | undefined

  constructor(
    private readonly parts: DeliveryParts,
    private readonly owner: string
  ) {
    this.names = new NameResolver(parts.spool, parts.thingsBoard, owner)
    this.health = parts.healthOf(undefined)
  }

  /** Delivers until nothing is left that can be delivered now. */
  run(): Effect.Effect<void, SpoolError> {
    return Effect.suspend(() => {
      const key = this.parts.keys.byId(this.owner)
      if (key === undefined) return this.rejectOwner()
      this.unknownSince = undefined
      this.useHealthOf(key.thingsBoard)
      return Effect.flatMap(Effect.scoped(asKey(key, this.parts.sessions, this.round())), (progress) => {
        if (this.stopped !== undefined) return Effect.andThen(this.pause(this.stopped), this.run())
        const next =
          progress === "delivered"
            ? Effect.andThen(Effect.sleep(gatherPause), this.run())
            : progress === "empty"
              ? Effect.void
              : Effect.sleep(stuckPause)
        return Effect.andThen(this.noteRecovery, next)
      })
    })
  }

  /** Goes through all that waits once. Returns `delivered` if it stored something, `stuck` if all that waits has to wait longer, and `empty` if nothing waits. */
  private readonly round = Effect.fnUntraced(function* (this: OwnerDelivery) {
    const { concurrency, spool, writes } = this.parts
    const upTo = yield* spool.lastSeq
    this.stopped = yield* this.names.resolve
    let progress: "empty" | "stuck" | "delivered" = "empty"
    for (let after: number | undefined = 0; after !== undefined && this.stopped === undefined;) {
      const { ids, next }: WaitingDevices = yield* spool.devices(this.owner, after, upTo)
      const now = yield* currentMonotonicMillis
      const results = yield* Effect.forEach(
        ids.filter((id) => !((this.stuck.get(id)?.until ?? 0) > now)),
        (id) => writes.withPermit(spool.withDevice(id, this.deliverDevice(id, upTo))),
        { concurrency }
      )
      if (results.includes(true)) progress = "delivered"
      else if (ids.length > 0 && progress === "empty") progress = "stuck"
      after = next
    }
    return progress
  })

  private readonly deliverDevice = Effect.fnUntraced(function* (this: OwnerDelivery, deviceId: string, upTo: number) {
    const { ingest, spool, thingsBoard } = this.parts
    if (this.stopped !== undefined) return false
    const entries = yield* this.takeEntries(deviceId, upTo)
    if (entries.length === 0) return false
    const evidence = yield* this.evidenceFor(deviceId)
    yield* spool.ensureHeld
    const { finished, stopped } = yield* storeEntries(ingest, thingsBoard, deviceId, entries, evidence)
    if (finished.length > 0) {
      if (finished.some(hasStored)) this.health.storedWrites++
      this.stuck.delete(deviceId)
      yield* this.finish(finished)
    } else if (stopped === undefined || hasFailed(stopped)) yield* this.noteStuck(deviceId)
    // A 500 that others do not get is no reason to stop.
    if (stopped !== undefined && !(hasFailed(stopped) && this.isAliveFor(deviceId))) this.stopped ??= stopped
    return finished.length > 0
  })

  /** The oldest entries of a device that one write can carry, read in several turns of the event loop. */
  private readonly takeEntries = Effect.fnUntraced(function* (this: OwnerDelivery, deviceId: string, upTo: number) {
    const { eventLoop, spool } = this.parts
    const found: globalThis.Array<Entry> = []
    let points = 0
    while (points < maxPointsPerWrite) {
      if (eventLoop.isTurnOver()) yield* eventLoop.nextTurn
      const more = yield* spool.next({ id: deviceId }, Math.min(pointsPerTurn, maxPointsPerWrite - points), found.at(-1)?.seq ?? 0, upTo)
      // The next points of the device may be of another key, which delivers them.
      if (more[0]?.owner !== this.owner) break
      found.push(...more)
      points += more.reduce((sum, entry) => sum + entry.points.length, 0)
    }
    return found
  })

  private useHealthOf(user: TbCredentials | undefined) {
    const health = this.parts.healthOf(user)
    if (health === this.health) return
    // The key has another ThingsBoard user now, for which the same points may be stored.
    this.health = health
    this.stuck.clear()
  }

  private readonly evidenceFor = Effect.fnUntraced(function* (
    this: OwnerDelivery,
    deviceId: string
  ): Effect.fn.Return<Evidence, SpoolError> {
    const { health } = this
    if ((this.stuck.get(deviceId)?.failures ?? 0) < confirmations) return { health, of500: "none" }
    if (this.isAliveFor(deviceId)) return { health, of500: "alive" }
    if (yield* this.isBlockedBy(deviceId)) return { health: { failuresInARow: 0 }, of500: "alive" }
    return { health, of500: "repeated" }
  })

  /** Whether other points were stored since those of this device began to fail. */
  private isAliveFor(deviceId: string) {
    const found = this.stuck.get(deviceId)
    return found !== undefined && this.health.storedWrites > found.storedBefore
  }

  /**
   * Whether the queue is full because a few points, which are all that waits, have failed for SPOOL_MAX_AGE, although ThingsBoard responds. It
   * refuses further uploads now, so nothing would ever show whether ThingsBoard stores other points.
   */
  private readonly isBlockedBy = Effect.fnUntraced(function* (
    this: OwnerDelivery,
    deviceId: string
  ): Effect.fn.Return<boolean, SpoolError> {
    const { maxAge, spool, thingsBoard } = this.parts
    const { age, points } = yield* spool.waiting
    return age >= maxAge && points <= maxBlockingPoints && (yield* confirmMissing(thingsBoard, deviceId)) === false
  })

  private readonly noteStuck = Effect.fnUntraced(function* (this: OwnerDelivery, deviceId: string) {
    const now = yield* currentMonotonicMillis
    const { failures = 0, storedBefore = this.health.storedWrites } = this.stuck.get(deviceId) ?? {}
    if (this.stuck.size >= maxStuck) this.stuck.clear()
    this.stuck.set(deviceId, { failures: failures + 1, storedBefore, until: now + pauseAfter(failures + 1) })
    if (failures + 1 < confirmations || now - this.stuckLoggedAt < logInterval) return
    this.stuckLoggedAt = now
    yield* Effect.annotateLogs(Effect.logWarning("Queued points of a device wait: ThingsBoard fails to store them"), {
      key_id: this.owner,
      device_id: deviceId,
      attempts: failures + 1
    })
  })

  private readonly finish = Effect.fnUntraced(function* (this: OwnerDelivery, outcomes: ReadonlyArray<Outcome>) {
    // Each is a write of its own, so that uploads do not wait for all of them.
    for (const some of Array.chunksOf(outcomes, entriesPerCommit)) yield* this.parts.spool.finish(some)
    const rejected = outcomes.reduce((sum, outcome) => sum + rejectedIn(outcome), 0)
    const now = yield* currentMonotonicMillis
    if (rejected === 0 || now - this.loggedAt < logInterval) return
    this.loggedAt = now
    yield* Effect.annotateLogs(Effect.logWarning("Queued points were rejected and set aside; boardwalk spool list shows them"), {
      key_id: this.owner,
      points: rejected
    })
  })

  /** Sets everything of a key that is gone aside. */
  private readonly rejectOwner = Effect.fnUntraced(function* (this: OwnerDelivery) {
    const now = yield* currentMonotonicMillis
    this.unknownSince ??= now
    if (this.parts.spool.isShared && now - this.unknownSince < unknownKeyPause) return
    for (;;) {
      const entries = yield* this.parts.spool.ofOwner(this.owner)
      if (entries.length === 0) return
      yield* this.finish(rejectAll(entries, keyRemoved))
    }
  })

  private readonly pause = Effect.fnUntraced(function* (this: OwnerDelivery, error: ThingsBoardError) {
    if (this.failures === 0)
      yield* Effect.annotateLogs(Effect.logWarning("Queued uploads wait: ThingsBoard cannot store them at the moment"), {
        key_id: this.owner,
        reason: error.reason._tag
      })
    this.failures++
    const jitter = 0.5 + (yield* Random.next)
    yield* Effect.sleep(Math.max(pauseAfter(this.failures) * jitter, Math.min(askedPauseOf(error) ?? 0, maxAskedPause)))
  })

  private get noteRecovery() {
    return Effect.suspend(() => {
      if (this.failures === 0) return Effect.void
      this.failures = 0
      return Effect.annotateLogs(Effect.logInfo("Queued uploads are stored again"), { key_id: this.owner })
    })
  }
}
