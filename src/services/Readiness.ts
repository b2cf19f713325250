/** Whether the gateway can serve requests: one entry per dependency, without host names or secrets. */
import { type Cause, Context, Duration, Effect, Layer } from "effect"
import { plural } from "../domain/plural.ts"
import { ApiKeys } from "../apikeys/ApiKeys.ts"
import { Settings } from "../config/Settings.ts"
import { Overload } from "../overload/Overload.ts"
import { currentMonotonicMillis } from "../platform/monotonicTime.ts"
import { Shutdown } from "../platform/shutdown.ts"
import { withServiceSpan } from "../platform/tracing.ts"
import { RateLimits } from "../ratelimit/RateLimits.ts"
import { singleFlight } from "../thingsboard/auth/singleFlight.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import type { Waiting } from "../spool/model.ts"
import { UploadSpool } from "./queued/UploadSpool.ts"
import type { TransportCounts } from "../thingsboard/transport/metrics.ts"
import { Transport } from "../thingsboard/transport/Transport.ts"
import type { ThingsBoardError } from "../thingsboard/errors/ThingsBoardError.ts"

export interface Dependency {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

const loginTimeout = "5 seconds"

/** In ms. */
const probeInterval = 3_000

const reachable: Dependency = { name: "thingsboard", ok: true, detail: "ThingsBoard responds." }

/** Why the gateway has no session with ThingsBoard. */
export const describeLoginFailure = ({ reason }: ThingsBoardError, credentials: "Password" | "ApiKey"): string => {
  switch (reason._tag) {
    case "LoginRefused":
      if (reason.inactive === true) return "The ThingsBoard account is disabled, locked or not activated yet."
      return `ThingsBoard rejected the ${credentials === "ApiKey" ? "API key" : "username or password"}.`
    case "Unavailable":
      return "ThingsBoard is not available."
    case "Timeout":
      return "ThingsBoard did not respond in time."
    default:
      return `The login failed: ${reason._tag}.`
  }
}

/** Whether ThingsBoard responds, and whether it accepts the credentials; without a response, the latter is not known. */
const describeFailure = (error: ThingsBoardError | Cause.TimeoutError, credentials: "Password" | "ApiKey"): ReadonlyArray<Dependency> => {
  if (error._tag === "TimeoutError") return [{ ...reachable, ok: false, detail: "ThingsBoard did not respond within 5 s." }]
  const detail = describeLoginFailure(error, credentials)
  // It responds, and other gateways in its place would not get more.
  if (error.reason._tag === "RateLimited" || error.reason._tag === "RateLimitPaused")
    return [{ ...reachable, detail: "ThingsBoard responds, but limits the rate of the gateway's calls." }]
  if (error.reason._tag !== "LoginRefused") return [{ ...reachable, ok: false, detail }]
  return [reachable, { name: "login", ok: false, detail }]
}

export class Readiness extends Context.Service<
  Readiness,
  {
    readonly check: Effect.Effect<{ readonly dependencies: ReadonlyArray<Dependency>; readonly isReady: boolean }>
    /** Calls to ThingsBoard at this moment. */
    readonly calls: () => TransportCounts
  }
>()("boardwalk/services/Readiness") {
  static readonly layer = Layer.effect(
    Readiness,
    Effect.gen(function* () {
      const { spoolMaxAge, spoolMaxBytes, tbCredentials } = yield* Settings
      const { isForAll, spool } = yield* UploadSpool
      const session = yield* Session
      const limits = yield* RateLimits
      const keys = yield* ApiKeys
      const overload = yield* Overload
      const shutdown = yield* Shutdown
      let last: { readonly at: number; readonly found: ReadonlyArray<Dependency> } | undefined
      const probe = yield* singleFlight(
        Effect.gen(function* () {
          const found = yield* Effect.match(Effect.timeout(session.check, loginTimeout), {
            onSuccess: () => [reachable, { name: "login", ok: true, detail: "Logged in." }],
            onFailure: (error) => describeFailure(error, tbCredentials._tag)
          })
          last = { at: yield* currentMonotonicMillis, found }
          return found
        })
      )
      /** However often it is asked for, ThingsBoard gets one call per interval. */
      const checkThingsBoard = Effect.flatMap(currentMonotonicMillis, (now) =>
        last !== undefined && now - last.at < probeInterval ? Effect.succeed(last.found) : probe.join
      )
      /** Always ok: without Redis the gateway counts limits locally, and taking it out of service would help nobody. */
      const checkRedis = Effect.sync((): ReadonlyArray<Dependency> => {
        const storage = limits.storage()
        if (storage === "local") return []
        const detail = storage === "shared" ? "Rate limits are shared." : "Redis is not available: rate limits are counted locally."
        return [{ name: "redis", ok: true, detail }]
      })
      /** Always ok: while the file is invalid, the keys from its last valid version stay in use. */
      const checkKeyFile = Effect.sync((): ReadonlyArray<Dependency> => {
        const state = keys.fileState()
        if (state === undefined) return []
        const detail = state === "loaded" ? "The key file is loaded." : "The key file is invalid: the keys loaded before stay in use."
        return [{ name: "keys", ok: true, detail }]
      })
      const checkLoad = Effect.sync((): ReadonlyArray<Dependency> => {
        const { level, reason } = overload.load()
        if (reason === undefined) return []
        const cause = reason === "memory" ? "Memory is short" : "Work waits too long for the processor"
        const effect = level === 2 ? "all requests are rejected." : "exports, imports and queries are rejected."
        return [{ name: "load", ok: level < 2, detail: `${cause}: ${effect}` }]
      })
      /** Not ok when the next queued upload would get 507 or 503. */
      const describeSpool = ({ age, bytes, points, rejected }: Waiting): Dependency => {
        if (bytes >= spoolMaxBytes) return { name: "spool", ok: false, detail: "The queue of uploads is full (SPOOL_MAX_BYTES)." }
        if (age > Duration.toMillis(spoolMaxAge))
          return { name: "spool", ok: false, detail: "Queued uploads have waited for too long (SPOOL_MAX_AGE)." }
        const waitingPoints =
          points === 0 ? "No points wait." : `${plural(points, "point waits", "points wait")}, the oldest for ${Math.floor(age / 1000)} s.`
        return { name: "spool", ok: true, detail: rejected === 0 ? waitingPoints : `${waitingPoints} ${rejected} were rejected.` }
      }
      const checkSpool: Effect.Effect<ReadonlyArray<Dependency>> =
        spool === undefined
          ? Effect.succeed([])
          : Effect.match(spool.waiting, {
              onSuccess: (waiting) => [describeSpool(waiting)],
              onFailure: () => [{ name: "spool", ok: false, detail: "The queue of uploads is not available." }]
            })
      /** A gateway that queues every upload has to get them while ThingsBoard is away. Reads fail then, wherever they are sent. */
      const isNeeded = ({ name }: Dependency) => !(isForAll && (name === "thingsboard" || name === "login"))
      const stopping: ReadonlyArray<Dependency> = [{ name: "gateway", ok: false, detail: "The gateway is shutting down." }]
      const findDependencies = Effect.gen(function* () {
        if (shutdown.hasBegun) return stopping
        return [
          ...(yield* checkThingsBoard),
          ...(yield* checkRedis),
          ...(yield* checkSpool),
          ...(yield* checkKeyFile),
          ...(yield* checkLoad)
        ]
      })
      const check = Effect.map(findDependencies, (dependencies) => ({
        dependencies,
        isReady: dependencies.every((one) => one.ok || !isNeeded(one))
      }))
      return { calls: (yield* Transport).counts, check: check.pipe(withServiceSpan("Readiness.check")) }
    })
  ).pipe(Layer.provide(Transport.layer))
}
