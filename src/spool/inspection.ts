/** What people look at and change: the state of batches, and the points that were set aside. */
import type { Database } from "bun:sqlite"
import { Effect } from "effect"
import { readDevice } from "./content.ts"
import type { SpoolError } from "./errors.ts"
import type { GroupCommit } from "./GroupCommit.ts"
import type { BatchState, SetAside, Waiting } from "./model.ts"
import { type Size, sizeColumns } from "./tables.ts"
import type { Totals } from "./Totals.ts"

export interface Inspection {
  readonly batch: (id: string) => BatchState | undefined
  /** The batches with waiting or rejected points, the oldest first. */
  readonly unfinished: (limit: number) => ReadonlyArray<BatchState>
  /** The points of a batch that were set aside, with the reasons, without their values. */
  readonly rejected: (id: string, limit: number) => ReadonlyArray<SetAside>
  readonly waiting: () => Waiting
  /** Puts points that were set aside into the queue again, behind all others; of one batch, or of all. Returns how many. */
  readonly retry: (batch: string | undefined, now: number) => Effect.Effect<number, SpoolError>
  /** Removes a batch with its waiting and rejected points. Returns how many points were removed; undefined if there is no such batch. */
  readonly drop: (batch: string) => Effect.Effect<number | undefined, SpoolError>
  /**
   * Forgets a few of the batches that finished before `time`, with their rejected points, and of those without rejected points also the
   * oldest ones beyond `maxBatches`. Returns how many batches and points were forgotten; call it again until there are none.
   */
  readonly forget: (time: number, maxBatches: number) => Effect.Effect<Forgotten, SpoolError>
}

export interface Forgotten {
  readonly batches: number
  /** Rejected points. */
  readonly points: number
}

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
  const expired = db.query<{ id: string }, [number, number]>(
    "SELECT id FROM batches WHERE finished_at IS NOT NULL AND finished_at < ? ORDER BY finished_at LIMIT ?"
  )
  const oldestStored = db.query<{ id: string }, [number]>(
    "SELECT id FROM batches WHERE finished_at IS NOT NULL AND rejected = 0 ORDER BY finished_at LIMIT ?"
  )

  /** Returns what the write found, which may run twice if its transaction is repeated. */
  const change = <A>(run: () => A): Effect.Effect<A, SpoolError> =>
    Effect.suspend(() => {
      let result: A
      return Effect.map(
        writes.write(() => {
          result = run()
          return undefined
        }),
        () => result
      )
    })

  const retry = (batch: string | undefined, now: number) =>
    Effect.tap(
      change(() => {
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

  const forget = (time: number, maxBatches: number) =>
    change(() => {
      const excess = Math.min(fewBatches, totals.batches() - maxBatches)
      const ids = new Set([...expired.all(time, fewBatches), ...(excess > 0 ? oldestStored.all(excess) : [])].map(({ id }) => id))
      let points = 0
      for (const id of ids) points += remove(id)?.rejected ?? 0
      return { batches: ids.size, points }
    })

  return {
    batch: (id) => {
      const row = batchOf.get(id)
      return row === null ? undefined : toState(row)
    },
    unfinished: (limit) => unfinished.all(limit).map(toState),
    rejected: (id, limit) =>
      rejectedOf.all(id, limit).map(({ device, points, reason }) => ({ device: readDevice(device), points, reason })),
    waiting: totals.waiting,
    retry,
    drop,
    forget
  }
}
