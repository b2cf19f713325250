/**
 * A durable queue of points, in one SQLite file: what it acknowledges survives a killed process and a power failure. It hands out the points
 * of a device in the order in which they were accepted, and those of several batches together, so that one write can store them.
 *
 * It does not deliver: whoever takes entries out stores them, and then calls `finish`. An entry that is not finished is handed out again.
 * Storing it again is harmless, because each point has its timestamp. One process may write to a file at a time.
 */
import { Database } from "bun:sqlite"
import { Effect, type Scope } from "effect"
import { readPoints, writePoints } from "./content.ts"
import { GroupCommit, type SpoolError } from "./GroupCommit.ts"
import type { BatchState, DevicePoints, Entry, NewBatch, Outcome, SpoolLimits } from "./model.ts"
import { SpoolFull } from "./SpoolFull.ts"
import { openTables } from "./tables.ts"

export interface Waiting {
  readonly entries: number
  readonly bytes: number
  /** When the oldest entry was accepted, in ms since the Unix epoch; undefined if none waits. */
  readonly oldest: number | undefined
}

export interface Spool {
  /** Succeeds once the whole batch is synced to the disk. If it fails, nothing of it is kept. */
  readonly add: (batch: NewBatch) => Effect.Effect<void, SpoolError>
  /** The oldest entries of the device, in order: as many as have at most `maxPoints` points together, but at least one if any waits. */
  readonly next: (deviceId: string, maxPoints: number) => ReadonlyArray<Entry>
  /** The devices with waiting entries, those with the oldest one first. */
  readonly devices: (limit: number) => ReadonlyArray<string>
  /** Removes entries whose points are stored, and sets the rejected points aside. */
  readonly finish: (outcomes: ReadonlyArray<Outcome>, now: number) => Effect.Effect<void, SpoolError>
  readonly batch: (id: string) => BatchState | undefined
  /** The points of a batch that were set aside, with the reasons. */
  readonly rejected: (id: string) => ReadonlyArray<DevicePoints & { readonly reason: string }>
  /** Forgets the batches that finished before `time`, and their rejected points. */
  readonly forget: (time: number) => Effect.Effect<void, SpoolError>
  readonly waiting: () => Waiting
}

interface BatchRow {
  readonly owner: string
  readonly accepted_at: number
  readonly points: number
  readonly stored: number
  readonly rejected: number
  readonly finished_at: number | null
}

interface EntryRow {
  readonly seq: number
  readonly batch: string
  readonly device: string
  readonly points: number
  readonly content: string
}

const countPoints = (devices: ReadonlyArray<DevicePoints>) => devices.reduce((sum, { points }) => sum + points.length, 0)

const makeSpool = (db: Database, limits: SpoolLimits): Spool & { readonly commit: () => void } => {
  const totals = db.query<{ entries: number; bytes: number }, []>("SELECT count(*) entries, coalesce(sum(bytes), 0) bytes FROM entries")
  const oldest = db.query<{ accepted_at: number }, []>("SELECT accepted_at FROM entries ORDER BY seq LIMIT 1")
  const addBatch = db.query("INSERT INTO batches (id, owner, accepted_at, points, finished_at) VALUES (?, ?, ?, ?, ?)")
  const addEntry = db.query("INSERT INTO entries (batch, device, accepted_at, points, bytes, content) VALUES (?, ?, ?, ?, ?, ?)")
  const nextEntries = db.query<EntryRow, [string]>("SELECT seq, batch, device, points, content FROM entries WHERE device = ? ORDER BY seq")
  const devices = db.query<{ device: string }, [number]>("SELECT device FROM entries GROUP BY device ORDER BY min(seq) LIMIT ?")
  const removeEntry = db.query<{ bytes: number }, [number]>("DELETE FROM entries WHERE seq = ? RETURNING bytes")
  const addRejected = db.query("INSERT INTO rejected (batch, device, reason, content) VALUES (?, ?, ?, ?)")
  const count = db.query(
    `UPDATE batches SET stored = stored + $stored, rejected = rejected + $rejected,
      finished_at = CASE WHEN stored + rejected + $stored + $rejected = points THEN $now END WHERE id = $batch`
  )
  const batchOf = db.query<BatchRow, [string]>("SELECT * FROM batches WHERE id = ?")
  const rejectedOf = db.query<{ device: string; reason: string; content: string }, [string]>(
    "SELECT * FROM rejected WHERE batch = ? ORDER BY rowid"
  )
  const forgetRejected = db.query("DELETE FROM rejected WHERE batch IN (SELECT id FROM batches WHERE finished_at < ?)")
  const forgetBatches = db.query("DELETE FROM batches WHERE finished_at < ?")

  let { bytes, entries } = totals.get()!
  const writes = new GroupCommit(db, () => {
    const before = { bytes, entries }
    return () => {
      ;({ bytes, entries } = before)
    }
  })

  const add = (batch: NewBatch) => {
    const contents = batch.devices.map(({ deviceId, points }) => {
      const content = writePoints(points)
      return { deviceId, points: points.length, content, bytes: Buffer.byteLength(content) }
    })
    const added = contents.reduce((sum, content) => sum + content.bytes, 0)
    return writes.write(() => {
      if (bytes + added > limits.bytes) return new SpoolFull({ limit: "bytes" })
      if (batch.acceptedAt - (oldest.get()?.accepted_at ?? batch.acceptedAt) > limits.age) return new SpoolFull({ limit: "age" })
      const points = countPoints(batch.devices)
      addBatch.run(batch.id, batch.owner, batch.acceptedAt, points, points === 0 ? batch.acceptedAt : null)
      for (const entry of contents) addEntry.run(batch.id, entry.deviceId, batch.acceptedAt, entry.points, entry.bytes, entry.content)
      bytes += added
      entries += contents.length
      return undefined
    })
  }

  const next = (deviceId: string, maxPoints: number) => {
    const found: Array<Entry> = []
    let points = 0
    for (const row of nextEntries.iterate(deviceId)) {
      points += row.points
      if (found.length > 0 && points > maxPoints) break
      found.push({ seq: row.seq, batch: row.batch, deviceId: row.device, points: readPoints(row.content) })
    }
    return found
  }

  const finish = (outcomes: ReadonlyArray<Outcome>, now: number) =>
    writes.write(() => {
      for (const { entry, rejected } of outcomes) {
        const removed = removeEntry.get(entry.seq)
        // It was finished before.
        if (removed === null) continue
        bytes -= removed.bytes
        entries--
        for (const { deviceId, points, reason } of rejected) addRejected.run(entry.batch, deviceId, reason, writePoints(points))
        const rejectedPoints = countPoints(rejected)
        count.run({ stored: entry.points.length - rejectedPoints, rejected: rejectedPoints, now, batch: entry.batch })
      }
      return undefined
    })

  const batch = (id: string) => {
    const row = batchOf.get(id)
    if (row === null) return undefined
    const { accepted_at: acceptedAt, finished_at: finishedAt, owner, points, rejected, stored } = row
    return { owner, acceptedAt, points, stored, rejected, finishedAt: finishedAt ?? undefined }
  }

  return {
    add,
    next,
    devices: (limit) => devices.all(limit).map(({ device }) => device),
    finish,
    batch,
    rejected: (id) => rejectedOf.all(id).map(({ content, device, reason }) => ({ deviceId: device, reason, points: readPoints(content) })),
    forget: (time) =>
      writes.write(() => {
        forgetRejected.run(time)
        forgetBatches.run(time)
        return undefined
      }),
    waiting: () => ({ entries, bytes, oldest: oldest.get()?.accepted_at }),
    commit: () => writes.commit()
  }
}

/** Opens the file, or creates it. Dies if it is no spool or cannot be written. */
export const openSpool = (file: string, limits: SpoolLimits): Effect.Effect<Spool, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const db = new Database(file, { strict: true, create: true })
      openTables(db)
      return { db, spool: makeSpool(db, limits) }
    }),
    ({ db, spool }) =>
      Effect.sync(() => {
        spool.commit()
        db.close()
      })
  ).pipe(Effect.map(({ spool }) => spool))
