/** Queues points before a gateway starts, as if it had been stopped before it delivered them. */
import { Effect } from "effect"
import * as Runtime from "../../src/platform/Runtime.ts"
import { openSpool } from "../../src/spool/sqlite/openSpool.ts"

/** `owner`: the id of a key. Each device gets one point. */
export const queueBatch = (folder: string, id: string, owner: string, deviceIds: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const spool = yield* openSpool(folder, { bytes: 1e9, age: 1e9 })
    const points = [{ key: "queued", ts: 1_700_000_000_000, token: "1" }]
    yield* spool.add({ id, owner, devices: deviceIds.map((device) => ({ device: { id: device }, points })) })
  }).pipe(Effect.scoped, Effect.provide(Runtime.layer), Effect.orDie)
