/** Hands out the waiting points, device by device, and takes them out once it is known what became of them. */
import type { Database } from "bun:sqlite"
import { Clock, Effect } from "effect"
import { namePrefix, readDevice, readPoints, writeDevice, writePoints } from "../content.ts"
import { tryOnFile } from "./tryOnFile.ts"
import type { GroupCommit } from "./GroupCommit.ts"
import type { Entry, Outcome } from "../model.ts"
import type { Delivery } from "../Spool.ts"
import type { Totals } from "./Totals.ts"

/** Entries per search for devices: a few ms. */
const searchSize = 5000

const fewEntries = 100

interface EntryRow {
  readonly seq: number
  readonly batch: string
  readonly owner: string
  readonly device: string
  readonly points: number
  readonly content: string
}

const toEntry = ({ content, device, ...row }: EntryRow): Entry => ({ ...row, device: readDevice(device), points: readPoints(content) })

export const makeDelivery = (db: Database, writes: GroupCommit, totals: Totals): Delivery => {
  const lastSeq = db.query<{ seq: number }, []>("SELECT seq FROM entries ORDER BY seq DESC LIMIT 1")
  // One step per owner, where SELECT DISTINCT would read every entry.
  const owners = db.query<{ owner: string }, []>(
    `WITH RECURSIVE found (owner) AS (
      SELECT min(owner) FROM entries
      UNION ALL SELECT (SELECT min(owner) FROM entries WHERE owner > found.owner) FROM found WHERE found.owner IS NOT NULL
    ) SELECT owner FROM found WHERE owner IS NOT NULL`
  )
  const search = db.query<{ seq: number; device: string }, [string, number, number, number]>(
    "SELECT seq, device FROM entries WHERE owner = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
  )
  const columns = "seq, batch, owner, device, points, coalesce(content, (SELECT parts.content FROM parts WHERE id = part)) content"
  const nextEntries = db.query<EntryRow, [string, number, number]>(
    `SELECT ${columns} FROM entries WHERE device = ? AND seq > ? AND seq <= ? ORDER BY seq`
  )
  const entriesOfName = db.query<EntryRow, [string, string]>(`SELECT ${columns} FROM entries WHERE device = ? AND owner = ? ORDER BY seq`)
  const entriesOfOwner = db.query<EntryRow, [string, number]>(`SELECT ${columns} FROM entries WHERE owner = ? ORDER BY seq LIMIT ?`)
  // `;` follows `:` in ASCII.
  const names = db.query<{ device: string }, [string, number]>(
    "SELECT DISTINCT device FROM entries WHERE device >= 'name:' AND device < 'name;' AND owner = ? LIMIT ?"
  )
  const rename = db.query("UPDATE entries SET device = ? WHERE device = ? AND owner = ?")
  const removeEntry = db.query<{ bytes: number; points: number; part: number | null }, [number]>(
    "DELETE FROM entries WHERE seq = ? RETURNING bytes, points, part"
  )
  const removePart = db.query("DELETE FROM parts WHERE id = ?")
  const addRejected = db.query("INSERT INTO rejected (batch, device, reason, points, bytes, content) VALUES (?, ?, ?, ?, ?, ?)")
  const count = db.query(
    `UPDATE batches SET stored = stored + $stored, rejected = rejected + $rejected,
      finished_at = CASE WHEN stored + rejected + $stored + $rejected = points THEN $now END WHERE id = $batch`
  )

  const take = (rows: Iterable<EntryRow>, maxPoints: number) => {
    const found: Array<Entry> = []
    let points = 0
    for (const row of rows) {
      points += row.points
      if (found.length > 0 && (points > maxPoints || row.owner !== found[0]!.owner)) break
      found.push(toEntry(row))
    }
    return found
  }

  /** Returns the bytes that it takes. */
  const setAside = ({ batch, device }: Entry, { points, reason }: Outcome["rejected"][number]) => {
    const content = writePoints(points)
    const bytes = Buffer.byteLength(content)
    addRejected.run(batch, writeDevice(device), reason, points.length, bytes, content)
    return bytes
  }

  const finish = (outcomes: ReadonlyArray<Outcome>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      writes.write(() => {
        const change = { entries: 0, points: 0, bytes: 0, rejected: 0 }
        for (const { entry, rejected } of outcomes) {
          const removed = removeEntry.get(entry.seq)
          // It was finished before, or dropped meanwhile.
          if (removed === null) continue
          if (removed.part !== null) removePart.run(removed.part)
          let rejectedPoints = 0
          for (const part of rejected) {
            change.bytes += setAside(entry, part)
            rejectedPoints += part.points.length
          }
          change.entries--
          change.points -= removed.points
          change.bytes -= removed.bytes
          change.rejected += rejectedPoints
          count.run({ stored: removed.points - rejectedPoints, rejected: rejectedPoints, now, batch: entry.batch })
        }
        totals.add(change)
        return undefined
      })
    )

  return {
    lastSeq: tryOnFile(() => lastSeq.get()?.seq ?? 0),
    owners: tryOnFile(() => owners.all().map(({ owner }) => owner)),
    devices: (owner, after, upTo) =>
      tryOnFile(() => {
        const rows = search.all(owner, after, upTo, searchSize)
        const ids = new Set<string>()
        for (const { device } of rows) if (!device.startsWith(namePrefix)) ids.add(device)
        return { ids: [...ids], next: rows.length < searchSize ? undefined : rows.at(-1)!.seq }
      }),
    // No other gateway delivers from this folder.
    withDevice: (_, use) => use,
    ensureHeld: Effect.void,
    next: (device, maxPoints, after, upTo) => tryOnFile(() => take(nextEntries.iterate(writeDevice(device), after, upTo), maxPoints)),
    ofOwner: (owner) => tryOnFile(() => entriesOfOwner.all(owner, fewEntries).map(toEntry)),
    names: (owner, limit) => tryOnFile(() => names.all(owner, limit).map(({ device }) => device.slice(namePrefix.length))),
    nextOfName: ({ name, owner }, maxPoints) => tryOnFile(() => take(entriesOfName.iterate(writeDevice({ name }), owner), maxPoints)),
    resolve: ({ name, owner }, deviceId) =>
      writes.write(() => {
        rename.run(deviceId.toLowerCase(), namePrefix + name, owner)
        return undefined
      }),
    finish
  }
}
