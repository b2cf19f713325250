import type { Database } from "bun:sqlite"
import type { AttributeScope, SavedEvent } from "./Events.ts"
import { type Column, fromColumn, toColumn, type Value } from "../values/Value.ts"
import type { Entity } from "./Directory.ts"

export interface Attribute {
  readonly scope: AttributeScope
  readonly key: string
  /** ms */
  readonly lastUpdateTs: number
  readonly value: Value
}

type Row = [scope: AttributeScope, key: string, ts: number, value: Column]

export const makeAttributes = (db: Database, publish: (event: SavedEvent) => void) => {
  const insertSql = (value: string) => `INSERT OR REPLACE INTO attributes VALUES (?, ?, ?, ?, ${value})`
  type Insert = [entity: number, scope: string, key: string, ts: number, value: Column]
  const insert = db.prepare<unknown, Insert>(insertSql("?"))
  const insertDouble = db.prepare<unknown, Insert>(insertSql("CAST(? AS REAL)")) // bun:sqlite binds whole numbers as integers
  const byEntity = db
    .prepare<unknown, [number]>("SELECT scope, key, CAST(ts AS REAL), value FROM attributes WHERE entity = ? ORDER BY scope, ts, key")
    .safeIntegers(true)
  const remove = db.prepare<unknown, [number, string, string]>("DELETE FROM attributes WHERE entity = ? AND scope = ? AND key = ?")

  return {
    /** Stores the attributes with the time of the write, and publishes an event. */
    save: (entity: Entity, scope: AttributeScope, values: ReadonlyArray<readonly [key: string, value: Value]>, now: number): void => {
      const ts = Math.trunc(now)
      db.transaction(() => {
        for (const [key, value] of values)
          (typeof value === "number" ? insertDouble : insert).run(entity.n, scope, key, ts, toColumn(value))
      })()
      publish({
        type: "AttributesSaved",
        tenantId: entity.tenantId,
        entityType: entity.type,
        entityId: entity.id,
        scope,
        attributes: values.map(([key, value]) => ({ key, ts, value }))
      })
    },

    /** The attributes of one scope, or of all three. The same key can be in several scopes. */
    read: (entity: Entity, scope?: AttributeScope): ReadonlyArray<Attribute> =>
      (byEntity.values(entity.n) as Array<Row>)
        .filter(([found]) => scope === undefined || found === scope)
        .map(([found, key, lastUpdateTs, value]) => ({ scope: found, key, lastUpdateTs, value: fromColumn(value) })),

    remove: (entity: Entity, scope: AttributeScope, keys: ReadonlyArray<string>): void =>
      db.transaction(() => keys.forEach((key) => remove.run(entity.n, scope, key)))()
  }
}

export type Attributes = ReturnType<typeof makeAttributes>
