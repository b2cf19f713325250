/** A spool in a Redis server, which any number of gateways share. What it acknowledges is as durable as that server (docs/store-and-forward.md). */
import { Effect, type Scope } from "effect"
import type { SpoolLimits } from "../model.ts"
import type { Inspection, Spool } from "../Spool.ts"
import { makeAcceptance } from "./acceptance.ts"
import { connectOnce, keepConnected, type ServerDurability } from "./Connection.ts"
import { makeDelivery } from "./delivery.ts"
import { makeInspection } from "./inspection.ts"
import { makeLease } from "./Lease.ts"

/** Opens the spool to add and deliver points, until the scope closes. While Redis cannot be used, everything fails with `SpoolFailed`. */
export const openSpool = (url: string, limits: SpoolLimits): Effect.Effect<Spool, never, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* keepConnected(url)
    const lease = yield* makeLease(connection)
    const onAdded = () => spool.onAdded()
    const spool: Spool = {
      isShared: true,
      onAdded: () => {},
      ...(yield* makeAcceptance(connection, lease, limits, onAdded)),
      ...makeDelivery(connection, lease),
      ...makeInspection(connection, onAdded)
    }
    return spool
  })

/** Opens the spool to look into it, retry and drop; or fails with the reason, which contains no address and no password. */
export const inspectSpool = (url: string): Effect.Effect<Inspection & ServerDurability, string, Scope.Scope> =>
  Effect.map(connectOnce(url), ({ appendOnly, eviction, ...connection }) => ({
    ...makeInspection(connection, () => {}),
    appendOnly,
    eviction
  }))
