/** What people look at and change: the state of batches, and the points that were set aside. */
import type { Database } from "bun:sqlite"
import { Clock, Effect } from "effect"
import { readDevice } from "../content.ts"
import type { SpoolError } from "../errors.ts"
import type { GroupCommit } from "./GroupCommit.ts"
import type { BatchState } from "../model.ts"
import type { Inspection } from "../Spool.ts"
import { type Size, sizeColumns } from "./tables.ts"
import type { Totals } from "./Totals.ts"
import { tryOnFile } from "./tryOnFile.ts"

/** Batches that are forgotten at once: some ten ms. */
const fewBatches = 1000

interface BatchRow {
  readonly id: string
  readonly owner: string
  readonly accepted_at: number
  readonly points: number
  readonly stored: number
  readonly rejected: number
  readonly finished_at: number | null
}

const toState = ({ accepted_at: acceptedAt, finished_at: finishedAt, ...row }: BatchRow): BatchState => ({
  ...row,
  acceptedAt,
  finishedAt: finishedAt ?? undefined
})

export const makeInspection = (db: Database, writes: GroupCommit, totals: Totals, onAdded: () => void): Inspection => {
  const batchOf = db.query<BatchRow, [string]>("SELECT * FROM batches WHERE id = ?")
  // Reads all batches, but in the process of a person who looks. An index would cost every upload.
  const unfinished = db.query<BatchRow, [number]>(
    "SELECT * FROM batches WHERE finished_at IS NULL OR rejected > 0 ORDER BY accepted_at, id LIMIT ?"
  )
  const rejectedOf = db.query<{ device: string; reason: string; points: number }, [string, number]>(
    "SELECT device, reason, points FROM rejected WHERE batch = ? ORDER BY id LIMIT ?"
  )
  const isOfBatch = "($batch IS NULL OR batch = $batch)"
  const sizeOfRejected = db.query<Size, [{ batch: string | null }]>(`SELECT ${sizeColumns} FROM rejected WHERE ${isOfBatch}`)
  const requeue = db.query(
    `INSERT INTO entries (batch, owner, device, accepted_at, points, bytes, content)
      SELECT batch, (SELECT owner FROM batches WHERE id = batch), device, $now, points, bytes, content
      FROM rejected WHERE ${isOfBatch} ORDER BY id`
  )
  const reopen = db.query("UPDATE batches SET rejected = 0, finished_at = NULL WHERE rejected > 0 AND ($batch IS NULL OR id = $batch)")
  const removeRejected = db.query(`DELETE FROM rejected WHERE ${isOfBatch}`)
  const sizeOfEntries = db.query<Size, [string]>(`SELECT ${sizeColumns} FROM entries WHERE batch = ?`)
  const removeParts = db.query("DELETE FROM parts WHERE id IN (SELECT part FROM entries WHERE batch = ?)")
  const removeEntries = db.query("DELETE FROM entries WHERE batch = ?")
  const removeBatch = db.query("DELETE FROM batches WHERE id = ?")
  // One query per index.
  const expired = ["rejected = 0", "rejected > 0"].map((kind) =>
    db.query<{ id: string }, [number, number]>(
      `SELECT id FROM batches WHERE finished_at IS NOT NULL AND ${kind} AND finished_at < ? ORDER BY finished_at LIMIT ?`
    )
  )
  const oldestStored = db.query<{ id: string }, [number]>(
    "SELECT id FROM batches WHERE finished_at IS NOT NULL AND rejected = 0 ORDER BY finished_at LIMIT ?"
  )

  /** Returns what the write found, which may run twice if its transaction is repeated. */
  const change = <A>(run: (now: number) => A): Effect.Effect<A, SpoolError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      let result: A
      return Effect.map(
        writes.write(() => {
          result = run(now)
          return undefined
        }),
        () => result
      )
    })

  const retry = (batch: string | undefined) =>
    Effect.tap(
      change((now) => {
        const of = { batch: batch ?? null }
        const { entries, points } = sizeOfRejected.get(of)!
        requeue.run({ ...of, now })
        reopen.run(of)
        removeRejected.run(of)
        totals.add({ entries, points, rejected: -points })
        return points
      }),
      () => Effect.sync(onAdded)
    )

  const remove = (batch: string) => {
    const [waiting, rejected] = [sizeOfEntries.get(batch)!, sizeOfRejected.get({ batch })!]
    removeParts.run(batch)
    removeEntries.run(batch)
    removeRejected.run({ batch })
    const { changes } = removeBatch.run(batch)
    totals.add({
      batches: -changes,
      entries: -waiting.entries,
      points: -waiting.points,
      bytes: -waiting.bytes - rejected.bytes,
      rejected: -rejected.points
    })
    return changes === 0 ? undefined : { waiting: waiting.points, rejected: rejected.points }
  }

  const drop = (batch: string) =>
    change(() => {
      const removed = remove(batch)
      return removed === undefined ? undefined : removed.waiting + removed.rejected
    })

  const forget = (keptMillis: number, maxBatches: number) =>
    change((now) => {
      const excess = Math.min(fewBatches, totals.batches() - maxBatches)
      const found = [
        ...expired.flatMap((query) => query.all(now - keptMillis, fewBatches)),
        ...(excess > 0 ? oldestStored.all(excess) : [])
      ]
      const ids = new Set(found.map(({ id }) => id))
      let points = 0
      for (const id of ids) points += remove(id)?.rejected ?? 0
      return { batches: ids.size, points }
    })

  return {
    batch: (id) =>
      tryOnFile(() => {
        const row = batchOf.get(id)
        return row === null ? undefined : toState(row)
      }),
    unfinished: (limit) => tryOnFile(() => unfinished.all(limit).map(toState)),
    rejected: (id, limit) =>
      tryOnFile(() => rejectedOf.all(id, limit).map(({ device, points, reason }) => ({ device: readDevice(device), points, reason }))),
    waiting: Effect.flatMap(Clock.currentTimeMillis, (now) => tryOnFile(() => totals.waiting(now))),
    retry,
    drop,
    forget
  }
}
