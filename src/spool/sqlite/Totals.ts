/**
 * How much a spool holds, kept in the file: other processes change it too. A transaction reads it once, and writes it once,
 * however many uploads it has.
 */
import type { Database } from "bun:sqlite"
import { SpoolFull } from "../errors.ts"
import type { SpoolLimits, Waiting } from "../model.ts"

/** What a write adds; negative for what it removes. */
interface Change {
  readonly batches?: number
  readonly entries?: number
  readonly points?: number
  readonly bytes?: number
  readonly rejected?: number
}

const noChange = { batches: 0, entries: 0, points: 0, bytes: 0, rejected: 0 }

type Row = Omit<Waiting, "oldest" | "age"> & { readonly batches: number }

export const makeTotals = (db: Database) => {
  const read = db.query<Row, []>("SELECT * FROM totals")
  const update = db.query(
    "UPDATE totals SET batches = batches + ?, entries = entries + ?, points = points + ?, bytes = bytes + ?, rejected = rejected + ?"
  )
  const oldestEntry = db.query<{ accepted_at: number }, []>("SELECT accepted_at FROM entries ORDER BY seq LIMIT 1")
  const oldest = () => oldestEntry.get()?.accepted_at
  /** What the transaction found, and what it changes. */
  let found: { readonly bytes: number; readonly oldest: number | undefined } | undefined
  let changes = { ...noChange }
  return {
    /** Call it when a transaction begins, and `end` before it is committed. */
    begin: () => {
      found = undefined
      changes = { ...noChange }
    },
    end: () => {
      const { batches, bytes, entries, points, rejected } = changes
      update.run(batches, entries, points, bytes, rejected)
    },
    /** Within a transaction. */
    add: ({ batches = 0, bytes = 0, entries = 0, points = 0, rejected = 0 }: Change) => {
      changes.batches += batches
      changes.bytes += bytes
      changes.entries += entries
      changes.points += points
      changes.rejected += rejected
    },
    waiting: (now: number): Waiting => {
      const { bytes, entries, points, rejected } = read.get()!
      const since = oldest()
      return { bytes, entries, points, rejected, oldest: since, age: Math.max(0, now - (since ?? now)) }
    },
    /** How many batches are known, finished ones too. */
    batches: (): number => read.get()!.batches,
    /** Why so many bytes more are not taken at `now`, if so. Within a transaction; what it has removed since it began counts for the age. */
    excess: (bytes: number, now: number, limits: SpoolLimits): SpoolFull | undefined => {
      found ??= { bytes: read.get()!.bytes, oldest: oldest() }
      if (found.bytes + changes.bytes + bytes > limits.bytes) return new SpoolFull({ limit: "bytes" })
      return now - (found.oldest ?? now) > limits.age ? new SpoolFull({ limit: "age" }) : undefined
    }
  }
}

export type Totals = ReturnType<typeof makeTotals>
