/** Takes batches into the spool: whole ones, and imports, whose points arrive in parts. */
import type { Database } from "bun:sqlite"
import { Effect, type Scope } from "effect"
import { writeDevice, writePoints } from "./content.ts"
import type { SpoolError } from "./errors.ts"
import type { GroupCommit } from "./GroupCommit.ts"
import type { DevicePoints, NewBatch, SpoolLimits } from "./model.ts"
import { type Size, sizeColumns } from "./tables.ts"
import type { Totals } from "./Totals.ts"

/** A batch whose points arrive in parts. Nothing of it is delivered, and nothing of it survives a restart, before `accept`. */
export interface StagedBatch {
  readonly append: (devices: ReadonlyArray<DevicePoints>, now: number) => Effect.Effect<void, SpoolError>
  /** Succeeds once the whole batch is synced to the disk. */
  readonly accept: (now: number) => Effect.Effect<void, SpoolError>
}

export interface Acceptance {
  /** Succeeds once the whole batch is synced to the disk. If it fails, nothing of it is kept. */
  readonly add: (batch: NewBatch) => Effect.Effect<void, SpoolError>
  /** Begins a batch. If the scope closes before it is accepted, nothing of it is kept. */
  readonly stage: (batch: Pick<NewBatch, "id" | "owner">) => Effect.Effect<StagedBatch, never, Scope.Scope>
}

interface Written {
  readonly device: string
  readonly points: number
  readonly bytes: number
  readonly content: string
}

const write = ({ device, points }: DevicePoints): Written => {
  const content = writePoints(points)
  return { device: writeDevice(device), points: points.length, content, bytes: Buffer.byteLength(content) }
}

const sum = (written: ReadonlyArray<Written>, field: "points" | "bytes") => written.reduce((total, one) => total + one[field], 0)

/** `onAdded` is called after a batch has been committed. */
export const makeAcceptance = (db: Database, writes: GroupCommit, totals: Totals, limits: SpoolLimits, onAdded: () => void): Acceptance => {
  const addBatch = db.query("INSERT INTO batches (id, owner, accepted_at, points, finished_at) VALUES (?, ?, ?, ?, ?)")
  const addEntry = db.query("INSERT INTO entries (batch, owner, device, accepted_at, points, bytes, content) VALUES (?, ?, ?, ?, ?, ?, ?)")
  const addPart = db.query<{ id: number }, [string]>("INSERT INTO parts (content) VALUES (?) RETURNING id")
  const addStaged = db.query("INSERT INTO staged (batch, device, points, bytes, part) VALUES (?, ?, ?, ?, ?)")
  const acceptStaged = db.query(
    `INSERT INTO entries (batch, owner, device, accepted_at, points, bytes, part)
      SELECT batch, ?, device, ?, points, bytes, part FROM staged WHERE batch = ? ORDER BY id`
  )
  const sizeOfStaged = db.query<Size, [string]>(`SELECT ${sizeColumns} FROM staged WHERE batch = ?`)
  const removeParts = db.query("DELETE FROM parts WHERE id IN (SELECT part FROM staged WHERE batch = ?)")
  const removeStaged = db.query("DELETE FROM staged WHERE batch = ?")

  const insertBatch = (id: string, owner: string, at: number, points: number) => {
    // A batch without points is finished at once.
    addBatch.run(id, owner, at, points, points === 0 ? at : null)
    totals.add({ batches: 1 })
  }

  const add = (batch: NewBatch) => {
    const written = batch.devices.map(write)
    const [bytes, points] = [sum(written, "bytes"), sum(written, "points")]
    return Effect.tap(
      writes.write(() => {
        const excess = totals.excess(bytes, batch.acceptedAt, limits)
        if (excess !== undefined) return excess
        insertBatch(batch.id, batch.owner, batch.acceptedAt, points)
        for (const { bytes, content, device, points } of written)
          addEntry.run(batch.id, batch.owner, device, batch.acceptedAt, points, bytes, content)
        totals.add({ bytes, points, entries: written.length })
        return undefined
      }),
      () => Effect.sync(onAdded)
    )
  }

  const stage = ({ id, owner }: Pick<NewBatch, "id" | "owner">) => {
    let isAccepted = false
    const append = (devices: ReadonlyArray<DevicePoints>, now: number) => {
      const written = devices.map(write)
      const bytes = sum(written, "bytes")
      return writes.write(() => {
        const excess = totals.excess(bytes, now, limits)
        if (excess !== undefined) return excess
        for (const { bytes, content, device, points } of written) addStaged.run(id, device, points, bytes, addPart.get(content)!.id)
        totals.add({ bytes })
        return undefined
      })
    }
    const accept = (now: number) =>
      Effect.tap(
        writes.write(() => {
          const { entries, points } = sizeOfStaged.get(id)!
          insertBatch(id, owner, now, points)
          acceptStaged.run(owner, now, id)
          removeStaged.run(id)
          totals.add({ points, entries })
          return undefined
        }),
        () =>
          Effect.sync(() => {
            isAccepted = true
            onAdded()
          })
      )
    const discard = Effect.suspend(() =>
      isAccepted
        ? Effect.void
        : Effect.ignore(
            writes.write(() => {
              totals.add({ bytes: -sizeOfStaged.get(id)!.bytes })
              removeParts.run(id)
              removeStaged.run(id)
              return undefined
            })
          )
    )
    return Effect.acquireRelease(Effect.succeed({ append, accept }), () => discard)
  }

  return { add, stage }
}
