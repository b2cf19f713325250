/**
 * All data of the emulator, on bun:sqlite, in memory or in a file. One file in this folder per subject:
 *
 * - `store.directory`: tenants, customers, users, profiles, devices, assets (all of them rows of one table, `Entity`)
 * - `store.accounts`: passwords, failed logins, API keys, device tokens
 * - `store.relations`, `store.telemetry` (points and latest values), `store.attributes`, `store.alarms`
 *
 * bun:sqlite is synchronous, and so are all methods. They return plain values, take the time as an argument, and know nothing about
 * HTTP, permissions or ThingsBoard's versions. Writes of telemetry and attributes are published to `Events`.
 */
import { Database } from "bun:sqlite"
import { Context, Effect, Layer } from "effect"
import { Events } from "./Events.ts"
import { makeAccounts, type Accounts } from "./Accounts.ts"
import { makeAlarms, type Alarms } from "./Alarms.ts"
import { makeAttributes, type Attributes } from "./Attributes.ts"
import { makeDirectory, type Directory } from "./Directory.ts"
import { makeRelations, type Relations } from "./Relations.ts"
import { createTables } from "./tables.ts"
import { makeTelemetry, type Telemetry } from "./Telemetry.ts"

export class Store extends Context.Service<
  Store,
  {
    readonly directory: Directory
    readonly accounts: Accounts
    readonly relations: Relations
    readonly telemetry: Telemetry
    readonly attributes: Attributes
    readonly alarms: Alarms
    /** Applies all writes of `body` or none; much faster than many single writes. Can be nested. */
    readonly transaction: <A>(body: () => A) => A
    /** True until the first entity is created; false for a file with data of an earlier run. */
    readonly isEmpty: () => boolean
  }
>()("boardwalk/emulator/store/Store") {
  static readonly layer = (options?: { readonly file?: string | undefined }) =>
    Layer.effect(
      Store,
      Effect.gen(function* () {
        const events = yield* Events
        const db = yield* Effect.acquireRelease(
          Effect.sync(() => new Database(options?.file ?? ":memory:", { strict: true, create: true })),
          (db) => Effect.sync(() => db.close())
        )
        createTables(db)
        const directory = makeDirectory(db)
        return Store.of({
          directory,
          accounts: makeAccounts(db, directory),
          relations: makeRelations(db),
          telemetry: makeTelemetry(db, events.publish),
          attributes: makeAttributes(db, events.publish),
          alarms: makeAlarms(db),
          transaction: (body) => db.transaction(body)(),
          isEmpty: () => db.query("SELECT 1 FROM entities LIMIT 1").get() === null
        })
      })
    )

  static readonly layerMemory = Store.layer()
}
