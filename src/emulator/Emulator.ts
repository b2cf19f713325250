/**
 * A ThingsBoard for laptops and tests: REST and WebSocket on one port, all data in SQLite, behaving like version 4.1 or 4.3.
 *
 * | folder      | contents                                                                                    |
 * | ----------- | ------------------------------------------------------------------------------------------- |
 * | `values/`   | values, points and JSON, parsed, printed and aggregated as ThingsBoard does                 |
 * | `store/`    | the data, in SQLite; knows nothing about HTTP                                               |
 * | `http/`     | request bodies and parameters, responses and error responses, in ThingsBoard's formats      |
 * | `auth/`     | logins, tokens, API keys, and which entities a user can see                                 |
 * | `queries/`  | entity queries and time series, shared by REST and WebSocket                                |
 * | `api/`      | the endpoints, as two `HttpApi`s                                                            |
 * | `handlers/` | the endpoints' implementations, one file per group                                          |
 * | `faults/`   | fault injection, and the record of calls                                                    |
 * | `live/`     | the WebSocket                                                                               |
 * | `server/`   | the routes; authentication, rate limits and parameter checks before any handler             |
 * | `demo/`     | the demo site: a building full of devices                                                   |
 *
 * A folder imports only from folders above it in this table.
 *
 * The behavior follows the recordings of real servers, CE 4.1 and CE 4.3.1.3, in `test/contract/exchanges`; the contract tests replay them.
 * Facts that no recording shows come from ThingsBoard's source; the comments then name the Java class.
 * The emulator is not for production: passwords are hashed only once, and a crash may lose data.
 */
import { Context, Effect, Layer } from "effect"
import * as HttpServer from "../platform/BunHttpServer.ts"
import { Behavior, type BehaviorOptions } from "./Behavior.ts"
import { runDemo } from "./demo/Demo.ts"
import { Events } from "./store/Events.ts"
import { FaultInjection } from "./faults/FaultInjection.ts"
import { LiveServer } from "./live/LiveServer.ts"
import { RateLimits } from "./server/RateLimits.ts"
import { Routes } from "./server/Routes.ts"
import { Sessions } from "./auth/Sessions.ts"
import { Store } from "./store/Store.ts"
import { createDefaultAccounts, createTenant, defaultAccounts, type NewTenant, type Tenant } from "./store/tenants.ts"

export interface EmulatorOptions extends BehaviorOptions {
  /** 0, any free port, by default. */
  readonly port?: number | undefined
  /** 127.0.0.1 by default. */
  readonly hostname?: string | undefined
  /** A SQLite file to keep the data in; in memory by default. */
  readonly file?: string | undefined
  /** Fills an empty store with the demo site, and adds points every second. */
  readonly demo?: boolean | undefined
}

/** Larger than ThingsBoard's own limit (16 MiB): the emulator must read an oversized body to reject it the way ThingsBoard does. */
const maxBodySize = 64 * 1024 * 1024

const runDemoForFirstTenant = Effect.flatMap(Store, ({ directory }) =>
  runDemo(directory.userByEmail(defaultAccounts.tenant.username)!.tenantId)
)

const serve = ({ hostname = "127.0.0.1", port = 0 }: EmulatorOptions) =>
  Layer.unwrap(
    Effect.map(LiveServer, ({ upgrade, websocket }) =>
      HttpServer.layer(Routes, { port, hostname, shutdown: { drain: "1 second" }, maxRequestBodySize: maxBodySize, upgrade, websocket })
    )
  )

export class Emulator extends Context.Service<
  Emulator,
  {
    readonly url: string
    readonly port: number
    /** The administrator of the first tenant, which owns the demo site. */
    readonly username: string
    readonly password: string
    /** All data, to read and change without the API. */
    readonly store: Store["Service"]
    /** Creates a tenant with an administrator who can log in. */
    readonly createTenant: (tenant: NewTenant) => Effect.Effect<Tenant>
    /** Fault injection, and the record of calls. */
    readonly faults: FaultInjection["Service"]
    /** The open WebSockets, to count and to close. */
    readonly live: Pick<LiveServer["Service"], "closeAll" | "count">
    /** Invalidates all tokens, as a changed signing key does. */
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
        // The server waits for its connections to close, and WebSockets do not close by themselves.
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
