/**
 * A ThingsBoard for laptops and tests: REST and WebSocket on one socket, everything in SQLite, in the ways of 4.1 or of 4.3.
 *
 * - `api/`: what is served; `handlers/`: one file a group of it; `DoorLive.ts`: login, limits and refusals before any of them
 * - `store/`: what is kept; it knows no HTTP
 * - `live/`: the WebSocket; `demo/`: a building full of devices; `Faults.ts`, `faultRoutes.ts`: trouble to order
 *
 * The recordings in `test/contract` of what running ThingsBoard servers answered are the measure. Nothing here is for production use:
 * passwords are hashed once only, and a crash may lose data.
 */
import { Context, Effect, Layer } from "effect"
import * as HttpServer from "../platform/BunHttpServer.ts"
import { Behavior, type BehaviorOptions } from "./Behavior.ts"
import { runDemo as runDemo } from "./demo/Demo.ts"
import { Events } from "./store/Events.ts"
import { FaultInjection } from "./faults/FaultInjection.ts"
import { LiveServer } from "./live/LiveServer.ts"
import { RateLimits } from "./server/RateLimits.ts"
import { Routes } from "./server/Routes.ts"
import { Sessions } from "./auth/Sessions.ts"
import { Store } from "./store/Store.ts"
import { createDefaultAccounts, createTenant, defaultAccounts, type NewTenant, type Tenant } from "./store/tenants.ts"

export interface EmulatorOptions extends BehaviorOptions {
  /** 0, any free port, unless told. */
  readonly port?: number | undefined
  /** 127.0.0.1 unless told. */
  readonly hostname?: string | undefined
  /** A SQLite file to keep the data in; in memory unless told. */
  readonly file?: string | undefined
  /** Fills an empty store with a building full of devices, and adds points every second. */
  readonly demo?: boolean | undefined
}

/** A body that ThingsBoard refuses must come in whole to be answered as it does. */
const maxBodySize = 64 * 1024 * 1024

/** The demo's building belongs to the first tenant. */
const runDemoForFirstTenant = Effect.flatMap(Store, ({ directory }) =>
  runDemo(directory.userByEmail(defaultAccounts.tenant.username)!.tenantId)
)

const serve = ({ hostname = "127.0.0.1", port = 0 }: EmulatorOptions) =>
  Layer.unwrap(
    Effect.map(LiveServer, ({ upgrade, websocket }) =>
      HttpServer.layer(Routes, { port, hostname, drain: "1 second", maxRequestBodySize: maxBodySize, upgrade, websocket })
    )
  )

export class Emulator extends Context.Service<
  Emulator,
  {
    readonly url: string
    readonly port: number
    /** The administrator of the first tenant, where the demo's devices are. */
    readonly username: string
    readonly password: string
    /** Everything it holds, to look at and to change behind the API's back. */
    readonly store: Store["Service"]
    /** A tenant with an administrator who can log in. */
    readonly createTenant: (tenant: NewTenant) => Effect.Effect<Tenant>
    /** Trouble to order, and the calls that came in. */
    readonly faults: FaultInjection["Service"]
    /** The open WebSockets, to count and to close. */
    readonly live: Pick<LiveServer["Service"], "closeAll" | "count">
    /** Voids all tokens, as a changed signing key does. */
    readonly revokeTokens: Effect.Effect<void>
  }
>()("boardwalk/emulator/Emulator") {
  static readonly layer = (options: EmulatorOptions) =>
    Layer.effect(
      Emulator,
      Effect.gen(function* () {
        const store = yield* Store
        const sessions = yield* Sessions
        const faults = yield* FaultInjection
        const live = yield* LiveServer
        const { port, url } = yield* HttpServer.BunHttpServer
        // The server waits for its connections to end, and those of sockets do not end by themselves.
        yield* Effect.addFinalizer(() => Effect.sync(() => live.closeAll(1001, "")))
        return Emulator.of({
          url,
          port,
          ...defaultAccounts.tenant,
          store,
          faults,
          live,
          createTenant: (tenant) => Effect.provideService(createTenant(tenant), Store, store),
          revokeTokens: Effect.sync(sessions.revokeAll)
        })
      })
    ).pipe(
      Layer.provide(
        Layer.unwrap(
          Effect.as(Effect.andThen(createDefaultAccounts, options.demo === true ? runDemoForFirstTenant : Effect.void), serve(options))
        )
      ),
      Layer.provide(LiveServer.layer),
      Layer.provide(Layer.mergeAll(Sessions.layer, RateLimits.layer, FaultInjection.layer)),
      Layer.provide(Store.layer(options)),
      Layer.provide(Layer.mergeAll(Events.layer, Behavior.layer(options)))
    )
}
