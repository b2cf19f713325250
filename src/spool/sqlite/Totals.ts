/** How much a spool holds, kept in the file: other processes change it too. */
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

type Row = Omit<Waiting, "oldest" | "age"> & { readonly batches: number }

export const makeTotals = (db: Database) => {
  const read = db.query<Row, []>("SELECT * FROM totals")
  const update = db.query(
    "UPDATE totals SET batches = batches + ?, entries = entries + ?, points = points + ?, bytes = bytes + ?, rejected = rejected + ?"
  )
  const oldestEntry = db.query<{ accepted_at: number }, []>("SELECT accepted_at FROM entries ORDER BY seq LIMIT 1")
  const oldest = () => oldestEntry.get()?.accepted_at
  return {
    add: ({ batches = 0, bytes = 0, entries = 0, points = 0, rejected = 0 }: Change) => {
      update.run(batches, entries, points, bytes, rejected)
    },
    waiting: (now: number): Waiting => {
      const { bytes, entries, points, rejected } = read.get()!
      const found = oldest()
      return { bytes, entries, points, rejected, oldest: found, age: Math.max(0, now - (found ?? now)) }
    },
    /** How many batches are known, finished ones too. */
    batches: (): number => read.get()!.batches,
    /** Why so many bytes more are not taken at `now`, if so. */
    excess: (bytes: number, now: number, limits: SpoolLimits): SpoolFull | undefined => {
      if (read.get()!.bytes + bytes > limits.bytes) return new SpoolFull({ limit: "bytes" })
      return now - (oldest() ?? now) > limits.age ? new SpoolFull({ limit: "age" }) : undefined
    }
  }
}

export type Totals = ReturnType<typeof makeTotals>
