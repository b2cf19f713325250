/**
 * Reads that several requests need are made once: identical concurrent ones share a call, and for CACHE_TTL later ones use its response.
 *
 * Nothing is shared between users of ThingsBoard or between callers with different restrictions. A shared response would show nothing that
 * its readers may not see, but its speed would: that somebody else had just asked for the same.
 *
 * A write that goes through the gateway ends the use of every response that it may have changed, for all users: those that are kept, and
 * those of reads that are in flight when it ends.
 */
import { Clock, Context, Duration, Effect, type Fiber, Layer, Metric } from "effect"
import { Settings } from "../../config/Settings.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { currentMonotonicMillis, monotonicMillis } from "../../platform/monotonicTime.ts"
import { failureOf } from "../errors/failures.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { Call, CallSharing } from "../transport/Call.ts"
import { callKind, type CallKind, type Topic } from "./callKind.ts"
import { makeCallerNames } from "./callerNames.ts"
import { CurrentVisibility } from "./CurrentVisibility.ts"
import { Flight, reserveCopy } from "./Flight.ts"
import { cacheBytes, countRead } from "./metrics.ts"
import { ReadStore } from "./ReadStore.ts"

type Result = Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>
type Read = Omit<Call, "headers" | "sharing">
/** Makes a call; `sharing` is for those who wait for its response too. */
type Send = (sharing?: CallSharing) => Result

/** Ms between two searches for responses that are of no more use. */
const maxSweepPause = 60_000

/** Longer bodies of queries are not compared. */
const maxBodyLength = 16 * 1024

const textOf = (body: Call["body"]): string | undefined =>
  body === undefined || body.length > maxBodyLength ? undefined : typeof body === "string" ? body : Buffer.from(body).toString()

/** True for reads that must be made for their caller alone. */
const ReadsAlone = Context.Reference<boolean>("boardwalk/thingsboard/reads/ReadsAlone", { defaultValue: () => false })

/** Makes every read in an effect anew, for its caller alone: for exports, and for what is cached elsewhere. */
export const withoutSharedReads = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, ReadsAlone, true)

export class SharedReads extends Context.Service<
  SharedReads,
  {
    /** For one user of ThingsBoard: makes a call by `send`, or uses what another caller of this user has read or is reading. */
    readonly forUser: () => (call: Read, send: Send) => Result
  }
>()("boardwalk/thingsboard/reads/SharedReads") {
  static readonly layer = Layer.effect(
    SharedReads,
    Effect.gen(function* () {
      const { cacheMaxBytes, cacheTtl, cacheTtlLatest, coalesceReads, staleIfError } = yield* Settings
      const lifetimes = { entities: Duration.toMillis(cacheTtl), values: Duration.toMillis(cacheTtlLatest) }
      const maxStale = Duration.toMillis(staleIfError)
      const store = new ReadStore(cacheMaxBytes)
      /** By caller and call, the ones that may be joined. */
      const joinable = new Map<string, Flight>()
      const inFlight = new Set<Flight>()

      const endUse = (topics: ReadonlyArray<Topic> | "all") => {
        store.removeAbout(topics)
        for (const flight of inFlight)
          if (topics === "all" || flight.topics.some((topic) => topics.includes(topic))) flight.isCurrent = false
      }

      /** The last response, if ThingsBoard has no newer one because it is away, and the client accepts that. */
      const orStale = (key: string, read: Result, fiber: Fiber.Fiber<unknown, unknown>): Result => {
        if (maxStale <= 0) return read
        return Effect.catch(read, (error) => {
          const exchange = fiber.getRef(CurrentExchange)
          const now = monotonicMillis(fiber.getRef(Clock.Clock))
          const maxAge = Math.min(maxStale, exchange?.dataRules.maxAge ?? maxStale)
          const stored = failureOf(error).allowsStale === true ? store.findStale(key, now, maxAge) : undefined
          if (stored === undefined) return Effect.fail(error)
          countRead("stale", fiber)
          exchange?.useStaleData(now - stored.readAt)
          return reserveCopy(stored.bytes, exchange)
        })
      }

      const share = (key: string, read: CallKind & { readonly _tag: "Read" }, send: Send, fiber: Fiber.Fiber<unknown, unknown>): Result => {
        const lifetime = lifetimes[read.lifetime]
        if (fiber.getRef(ReadsAlone) || (lifetime <= 0 && !coalesceReads && maxStale <= 0)) return send()
        const exchange = fiber.getRef(CurrentExchange)
        const now = monotonicMillis(fiber.getRef(Clock.Clock))
        const stored = store.find(key, now, () => exchange?.dataRules.maxAge ?? Number.POSITIVE_INFINITY)
        if (stored !== undefined) {
          countRead("hit", fiber)
          exchange?.useData(now - stored.readAt)
          return reserveCopy(stored.bytes, exchange)
        }
        const joined = joinable.get(key)
        if (joined?.isCurrent === true && (exchange === undefined || exchange.dataRules.maxAge > 0)) {
          countRead("coalesced", fiber)
          const again = Effect.suspend(() => share(key, read, send, fiber))
          return orStale(key, joined.join(fiber, now, again), fiber)
        }
        countRead("miss", fiber)
        const isKept = (lifetime > 0 || maxStale > 0) && exchange?.dataRules.noStore !== true
        const flight: Flight = new Flight(
          read.topics,
          () => {
            inFlight.add(flight)
            if (coalesceReads) joinable.set(key, flight)
          },
          (response) => {
            inFlight.delete(flight)
            if (joinable.get(key) === flight) joinable.delete(key)
            // Its age counts from when the read began.
            if (response !== undefined && isKept && flight.isCurrent)
              store.add(key, read.topics, response, now, now + lifetime, now + Math.max(lifetime, maxStale))
          }
        )
        return orStale(key, flight.begin(send(coalesceReads ? flight : undefined)), fiber)
      }

      const longest = Math.max(lifetimes.entities, lifetimes.values, maxStale)
      if (longest > 0)
        yield* Effect.gen(function* () {
          yield* Effect.sleep(Math.min(Math.max(longest, 1000), maxSweepPause))
          store.removeExpired(yield* currentMonotonicMillis)
          yield* Metric.update(cacheBytes, store.usedBytes)
        }).pipe(Effect.forever, Effect.forkScoped)

      return {
        forUser: () => {
          const nameOf = makeCallerNames()
          return (call, send) => {
            const body = textOf(call.body)
            const kind = callKind(call.method, call.path, body)
            if (kind._tag === "Unshared" || (kind._tag === "Read" && call.meter !== undefined)) return send()
            // However it ends: a call that failed may have been carried out.
            if (kind._tag === "Write") return Effect.onExit(send(), () => Effect.sync(() => endUse(kind.topics)))
            return Effect.withFiber((fiber) =>
              share(`${nameOf(fiber.getRef(CurrentVisibility))} ${call.method} ${call.path} ${body ?? ""}`, kind, send, fiber)
            )
          }
        }
      }
    })
  )
}
