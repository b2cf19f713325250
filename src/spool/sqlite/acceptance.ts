/** Takes batches into the spool: whole ones, and imports, whose points arrive in parts. */
import type { Database } from "bun:sqlite"
import { Clock, Effect } from "effect"
import type { GroupCommit } from "./GroupCommit.ts"
import type { DevicePoints, NewBatch, SpoolLimits } from "../model.ts"
import type { Acceptance } from "../Spool.ts"
import { sumOf, writeEntry } from "../written.ts"
import { type Size, sizeColumns } from "./tables.ts"
import type { Totals } from "./Totals.ts"

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
    const written = batch.devices.map(writeEntry)
    const [bytes, points] = [sumOf(written, "bytes"), sumOf(written, "points")]
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.tap(
        writes.write(() => {
          const excess = totals.excess(bytes, now, limits)
          if (excess !== undefined) return excess
          insertBatch(batch.id, batch.owner, now, points)
          for (const { bytes, content, device, points } of written) addEntry.run(batch.id, batch.owner, device, now, points, bytes, content)
          totals.add({ bytes, points, entries: written.length })
          return undefined
        }),
        () => Effect.sync(onAdded)
      )
    )
  }

  const stage = ({ id, owner }: Pick<NewBatch, "id" | "owner">) => {
    let isAccepted = false
    const append = (devices: ReadonlyArray<DevicePoints>) => {
      const written = devices.map(writeEntry)
      const bytes = sumOf(written, "bytes")
      return Effect.flatMap(Clock.currentTimeMillis, (now) =>
        writes.write(() => {
          const excess = totals.excess(bytes, now, limits)
          if (excess !== undefined) return excess
          for (const { bytes, content, device, points } of written) addStaged.run(id, device, points, bytes, addPart.get(content)!.id)
          totals.add({ bytes })
          return undefined
        })
      )
    }
    const accept = Effect.flatMap(Clock.currentTimeMillis, (now) =>
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
