import type { Database } from "bun:sqlite"

export interface Relation {
  readonly fromId: string
  readonly fromType: string
  readonly toId: string
  readonly toType: string
  readonly type: string
  /** "COMMON" for users' relations; the other groups are ThingsBoard's own. */
  readonly typeGroup: string
  readonly version: number
  /** JSON text */
  readonly additionalInfo: string | null
}

/** ThingsBoard's direction; `domain` has Boardwalk's own, which also allows both. */
export type Direction = "FROM" | "TO"

export interface WalkQuery {
  readonly rootId: string
  readonly direction: Direction
  readonly typeGroup: string
  /** Unlimited when 0 or less. */
  readonly maxLevel: number
  /** Returns only the relations of the last level, and those that lead no further. */
  readonly lastLevelOnly: boolean
}

export const makeRelations = (db: Database) => {
  const upsert = db.prepare<Relation, [string, string, string, string, string, string, string | null]>(
    `INSERT INTO relations (fromId, fromType, type, typeGroup, toId, toType, version, additionalInfo) VALUES (?, ?, ?, ?, ?, ?, 1, ?)
     ON CONFLICT DO UPDATE SET version = version + 1, additionalInfo = excluded.additionalInfo RETURNING *`
  )
  const from = db.prepare<Relation, [string, string]>("SELECT * FROM relations WHERE fromId = ? AND typeGroup = ?")
  const to = db.prepare<Relation, [string, string]>("SELECT * FROM relations WHERE toId = ? AND typeGroup = ?")
  const remove = db.prepare<unknown, [string, string, string, string]>(
    "DELETE FROM relations WHERE fromId = ? AND typeGroup = ? AND type = ? AND toId = ?"
  )

  const edges = (id: string, direction: Direction, typeGroup = "COMMON"): ReadonlyArray<Relation> =>
    (direction === "FROM" ? from : to).all(id, typeGroup)

  return {
    save: (
      relation: Omit<Relation, "version" | "typeGroup" | "additionalInfo"> & Partial<Pick<Relation, "typeGroup" | "additionalInfo">>
    ): Relation =>
      upsert.get(
        relation.fromId,
        relation.fromType,
        relation.type,
        relation.typeGroup ?? "COMMON",
        relation.toId,
        relation.toType,
        relation.additionalInfo ?? null
      )!,

    /** False if the relation does not exist. */
    remove: (fromId: string, type: string, toId: string, typeGroup = "COMMON"): boolean =>
      remove.run(fromId, typeGroup, type, toId).changes > 0,

    /** The relations that start (FROM) or end (TO) at an entity. */
    edges,

    /**
     * Breadth first, each entity once, as `BaseRelationService` does: all relations of every entity above `maxLevel`, including relations
     * to entities already visited (recorded in `relations.json`).
     */
    walk: ({ rootId, direction, typeGroup, maxLevel, lastLevelOnly }: WalkQuery): ReadonlyArray<Relation> => {
      const depth = maxLevel > 0 ? maxLevel : Number.POSITIVE_INFINITY
      const visited = new Set([rootId])
      const found: Array<Relation> = []
      let level = [rootId]
      for (let n = 1; level.length > 0 && n <= depth; n++) {
        const next: Array<string> = []
        for (const edge of level.flatMap((id) => edges(id, direction, typeGroup))) {
          const farId = direction === "FROM" ? edge.toId : edge.fromId
          const continues = lastLevelOnly && n < depth && edges(farId, direction, typeGroup).length > 0
          if (!continues) found.push(edge)
          if (visited.has(farId)) continue
          visited.add(farId)
          next.push(farId)
        }
        level = next
      }
      return found
    }
  }
}

export type Relations = ReturnType<typeof makeRelations>
