/**
 * Reads that several requests need at the same time are made once.
 *
 * Nothing is shared between users of ThingsBoard or between callers with different restrictions. A shared response would show nothing that
 * its readers may not see, but its speed would: that somebody else had just asked for the same.
 *
 * A read does not join one that began before a write through this gateway that may have changed its response has ended.
 */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { CurrentExchange } from "../../platform/BunHttpServer.ts"
import { CurrentVisibility } from "./CurrentVisibility.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { Call } from "../transport/Transport.ts"
import { callKind, type Topic } from "./callKind.ts"
import { Flight } from "./Flight.ts"

type Result = Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>
type Read = Omit<Call, "headers">

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
    readonly forUser: () => (call: Read, send: Result) => Result
  }
>()("boardwalk/thingsboard/reads/SharedReads") {
  static readonly layer = Layer.effect(
    SharedReads,
    Effect.gen(function* () {
      const { coalesceReads } = yield* Settings
      /** By caller and call, the ones that may be joined. */
      const flights = new Map<string, Flight>()
      let callers = 0

      const endUse = (topics: ReadonlyArray<Topic> | "all") => {
        for (const [key, flight] of flights) {
          if (topics !== "all" && !flight.topics.some((topic) => topics.includes(topic))) continue
          flight.isCurrent = false
          flights.delete(key)
        }
      }

      const share = (key: string, topics: ReadonlyArray<Topic>, send: Result): Result =>
        Effect.withFiber((fiber) => {
          if (fiber.getRef(ReadsAlone)) return send
          const exchange = fiber.getRef(CurrentExchange)
          const joined = flights.get(key)
          if (joined !== undefined && (exchange === undefined || exchange.dataRules.maxAge > 0))
            return joined.join(fiber, share(key, topics, send))
          if (!coalesceReads) return send
          const flight: Flight = new Flight(topics, send, () => {
            if (flights.get(key) === flight) flights.delete(key)
          })
          flights.set(key, flight)
          return flight.join(fiber, send)
        })

      return {
        forUser: () => {
          const unrestricted = `${callers++} `
          const restricted = new WeakMap<Visibility, string>()
          const callerIn = (visibility: Visibility | undefined): string => {
            if (visibility === undefined) return unrestricted
            const known = restricted.get(visibility)
            if (known !== undefined) return known
            const made = `${callers++} `
            restricted.set(visibility, made)
            return made
          }
          return (call, send) => {
            const body = textOf(call.body)
            const kind = callKind(call.method, call.path, body)
            if (kind._tag === "Unshared" || (kind._tag === "Read" && call.meter !== undefined)) return send
            // However it ends: a call that failed may have been carried out.
            if (kind._tag === "Write") return Effect.onExit(send, () => Effect.sync(() => endUse(kind.topics)))
            return Effect.withFiber((fiber) => {
              const caller = callerIn(fiber.getRef(CurrentVisibility))
              return share(`${caller}${call.method} ${call.path} ${body ?? ""}`, kind.topics, send)
            })
          }
        }
      }
    })
  )
}
