import type { Database, SQLQueryBindings } from "bun:sqlite"
import { timeBasedId } from "./ids.ts"

export interface Alarm {
  readonly id: string
  readonly tenantId: string
  readonly originatorId: string
  readonly originatorType: string
  /** All times are in ms; 0 means not yet. */
  readonly createdTime: number
  readonly type: string
  readonly severity: string
  readonly acknowledged: boolean
  readonly cleared: boolean
  readonly startTs: number
  readonly endTs: number
  readonly ackTs: number
  readonly clearTs: number
  /** JSON text */
  readonly details: string | null
}

export interface AlarmQuery {
  readonly tenantId: string
  readonly originatorId?: string | undefined
  readonly page: number
  readonly pageSize: number
  /** Any of ACTIVE, CLEARED, ACK, UNACK: alarms that match at least one. Others are ignored. */
  readonly statuses?: ReadonlyArray<string> | undefined
}

export interface NewAlarm {
  readonly tenantId: string
  readonly originatorId: string
  readonly originatorType: string
  readonly type: string
  readonly severity: string
  readonly details?: string | null | undefined
  /** ms */
  readonly now: number
}

type Row = Omit<Alarm, "acknowledged" | "cleared"> & { readonly acknowledged: number; readonly cleared: number }

const toAlarm = (row: Row): Alarm => ({ ...row, acknowledged: row.acknowledged === 1, cleared: row.cleared === 1 })

const conditions: Record<string, string> = {
  ACTIVE: "cleared = 0",
  CLEARED: "cleared = 1",
  ACK: "acknowledged = 1",
  UNACK: "acknowledged = 0"
}

export const makeAlarms = (db: Database) => {
  const byId = db.prepare<Row, [string]>("SELECT * FROM alarms WHERE id = ?")
  const active = db.prepare<Row, [string, string]>("SELECT * FROM alarms WHERE originatorId = ? AND type = ? AND cleared = 0")
  const get = (id: string): Alarm | undefined => {
    const row = byId.get(id)
    return row === null ? undefined : toAlarm(row)
  }
  return {
    get,
    /** Updates the active alarm of the same type and originator if there is one. */
    createOrUpdate: ({ tenantId, originatorId, originatorType, type, severity, details, now }: NewAlarm): Alarm => {
      const at = Math.trunc(now)
      const existing = active.get(originatorId, type)
      if (existing !== null) {
        db.query("UPDATE alarms SET severity = ?, endTs = ? WHERE id = ?").run(severity, at, existing.id)
        return get(existing.id)!
      }
      const id = timeBasedId(now)
      db.query("INSERT INTO alarms VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, 0, 0, ?)").run(
        id,
        tenantId,
        originatorId,
        originatorType,
        at,
        type,
        severity,
        at,
        at,
        details ?? null
      )
      return get(id)!
    },
    acknowledge: (id: string, now: number): void =>
      void db.query("UPDATE alarms SET acknowledged = 1, ackTs = ? WHERE id = ?").run(Math.trunc(now), id),
    clear: (id: string, now: number): void =>
      void db.query("UPDATE alarms SET cleared = 1, clearTs = ? WHERE id = ?").run(Math.trunc(now), id),
    remove: (id: string): void => void db.query("DELETE FROM alarms WHERE id = ?").run(id),
    list: (query: AlarmQuery): { readonly rows: ReadonlyArray<Alarm>; readonly total: number } => {
      const where = ["tenantId = ?"]
      const values: Array<SQLQueryBindings> = [query.tenantId]
      if (query.originatorId !== undefined) {
        where.push("originatorId = ?")
        values.push(query.originatorId)
      }
      const statuses = (query.statuses ?? []).flatMap((status) => conditions[status] ?? [])
      if (statuses.length > 0) where.push(`(${statuses.join(" OR ")})`)
      const from = `FROM alarms WHERE ${where.join(" AND ")}`
      const { total } = db.query<{ total: number }, Array<SQLQueryBindings>>(`SELECT count(*) AS total ${from}`).get(...values)!
      const rows = db
        .query<Row, Array<SQLQueryBindings>>(`SELECT * ${from} ORDER BY createdTime DESC, id DESC LIMIT ? OFFSET ?`)
        .all(...values, query.pageSize, query.page * query.pageSize)
      return { rows: rows.map(toAlarm), total }
    }
  }
}

export type Alarms = ReturnType<typeof makeAlarms>
