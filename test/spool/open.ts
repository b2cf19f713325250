import { Effect } from "effect"
import * as Runtime from "../../src/platform/Runtime.ts"
import type { NewBatch, SpoolLimits } from "../../src/spool/model.ts"
import type { Spool } from "../../src/spool/Spool.ts"
import { openSpool } from "../../src/spool/sqlite/openSpool.ts"

export const open = (folder: string, limits: SpoolLimits) => Effect.provide(openSpool(folder, limits), Runtime.layer)

/** A batch of the key `key`: by device id, the tokens of one telemetry key at the times 0, 1, 2… */
export const batch = (id: string, tokens: Record<string, ReadonlyArray<string>>): NewBatch => ({
  id,
  owner: "key",
  devices: Object.entries(tokens).map(([device, values]) => ({
    device: { id: device },
    points: values.map((token, ts) => ({ key: "temperature", ts, token }))
  }))
})

/** The oldest entries of a device. */
export const next = (spool: Spool, id: string, maxPoints: number) => spool.next({ id }, maxPoints, 0, Number.MAX_SAFE_INTEGER)

/** The devices of the key `key`. */
export const devices = (spool: Spool) => Effect.map(spool.devices("key", 0, Number.MAX_SAFE_INTEGER), ({ ids }) => ids)

/** Finishes the oldest entry of a device: all of its points are stored, or all are rejected for a reason. */
export const finishNext = (spool: Spool, id: string, reason?: string) =>
  Effect.flatMap(next(spool, id, 1), ([entry]) =>
    spool.finish([{ entry: entry!, rejected: reason === undefined ? [] : [{ points: entry!.points, reason }] }])
  )
