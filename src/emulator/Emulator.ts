/**
 * A ThingsBoard for laptops and tests: REST and WebSocket on one socket, everything in SQLite, in the ways of 4.1 or of 4.3.
 *
 * - `api/`: what is served; `handlers/`: one file a group of it; `Door.ts`: login, limits and refusals before any of them
 * - `store/`: what is kept; it knows no HTTP
 * - `live/`: the WebSocket; `demo/`: a building full of devices; `Faults.ts`: trouble to order
 *
 * The recordings in `test/contract` of what running ThingsBoard servers answered are the measure. Nothing here is for production use:
 * passwords are hashed once only, and a crash may lose data.
 */
import { Clock, Context, Effect, Layer, Redacted } from "effect"
import { BunHttpServer } from "../platform/BunHttpServer.ts"
import * as HttpServer from "../platform/BunHttpServer.ts"
import { noCustomer } from "../thingsboard/api/Entities.ts"
import { Behaviour, type BehaviourOptions } from "./Behaviour.ts"
import { Events } from "./Events.ts"
import { RateLimits } from "./RateLimits.ts"
import { Routes } from "./Routes.ts"
import { Sessions } from "./Sessions.ts"
import { Store } from "./Store.ts"

export interface EmulatorOptions extends BehaviourOptions {
  /** 0, any free port, unless told. */
  readonly port?: number | undefined
  /** 127.0.0.1 unless told. */
  readonly hostname?: string | undefined
  /** A SQLite file to keep the data in; in memory unless told. */
  readonly file?: string | undefined
  /** Fills an empty store with a building full of devices, and adds points every second. */
  readonly demo?: boolean | undefined
}

export interface NewTenant {
  readonly title?: string
  /** The e-mail address of its administrator. */
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

export interface Tenant {
  readonly tenantId: string
  /** Its administrator. */
  readonly userId: string
}

/** The accounts of a fresh ThingsBoard's demo. */
export const username = "tenant@thingsboard.org"
export const password = "tenant"
const systemAdministrator = { email: "sysadmin@thingsboard.org", password: Redacted.make("sysadmin") }

const createTenant = Effect.fnUntraced(function* (store: Store["Service"], tenant: NewTenant) {
  const now = yield* Clock.currentTimeMillis
  return store.transaction((): Tenant => {
    const { id } = store.directory.createTenant({ title: tenant.title ?? tenant.username, now })
    const user = store.accounts.createUser({
      tenantId: id,
      email: tenant.username,
      authority: "TENANT_ADMIN",
      password: tenant.password,
      now
    })
    return { tenantId: id, userId: user.id }
  })
})

/** What an empty store begins with. */
const createAccounts = Effect.fnUntraced(function* (store: Store["Service"]) {
  const now = yield* Clock.currentTimeMillis
  store.accounts.createUser({ ...systemAdministrator, tenantId: noCustomer, authority: "SYS_ADMIN", now })
  yield* createTenant(store, { title: "Tenant", username, password: Redacted.make(password) })
})

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
    /** Voids all tokens, as a changed signing key does. */
    readonly revokeTokens: Effect.Effect<void>
  }
>()("boardwalk/emulator/Emulator") {
  static readonly layer = (options: EmulatorOptions) => {
    const Server = HttpServer.layer(Routes, {
      port: options.port ?? 0,
      hostname: options.hostname ?? "127.0.0.1",
      drain: "1 second",
      maxRequestBodySize: 64 * 1024 * 1024
    })
    return Layer.effect(
      Emulator,
      Effect.gen(function* () {
        const store = yield* Store
        const sessions = yield* Sessions
        if (store.isEmpty()) yield* createAccounts(store)
        const { port, url } = yield* BunHttpServer
        return {
          url,
          port,
          username,
          password,
          store,
          createTenant: (tenant: NewTenant) => createTenant(store, tenant),
          revokeTokens: Effect.sync(sessions.revokeAll)
        }
      })
    ).pipe(
      Layer.provide(Server),
      Layer.provide(Layer.mergeAll(Sessions.layer, RateLimits.layer)),
      Layer.provide(Store.layer(options)),
      Layer.provide(Layer.mergeAll(Events.layer, Behaviour.layer(options)))
    )
  }
}
