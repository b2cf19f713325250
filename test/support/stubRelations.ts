/** A ThingsBoard that knows relations only, and walks them as the real one does: see `emulator/store/Relations.ts`. */
import { Effect } from "effect"
import type { EntityType } from "../../src/domain/Ids.ts"
import type { ThingsBoardClient } from "../../src/thingsboard/ThingsBoardClient.ts"
import type { ThingsBoardShape } from "../../src/thingsboard/ThingsBoard.ts"
import { NotFound, ThingsBoardError } from "../../src/thingsboard/errors/ThingsBoardError.ts"

export interface RelationGraph {
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly entityType: EntityType; readonly isHidden?: boolean }>
  readonly edges: ReadonlyArray<{ readonly from: string; readonly to: string; readonly type: string }>
}

type Way = "FROM" | "TO"

export const stubRelations = ({ edges, nodes }: RelationGraph) => {
  const calls: Array<string> = []
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const seen = (id: string) => byId.get(id)?.isHidden !== true && byId.has(id)
  const leaving = {
    FROM: Map.groupBy(edges, ({ from }) => from),
    TO: Map.groupBy(edges, ({ to }) => to)
  }
  /** Every edge of every node above `maxLevel`, each node once. */
  const walk = (rootId: string, way: Way, maxLevel: number) => {
    const visited = new Set([rootId])
    const found: Array<RelationGraph["edges"][number]> = []
    let level = [rootId]
    for (let n = 1; n <= maxLevel && level.length > 0; n++) {
      const next: Array<string> = []
      for (const edge of level.flatMap((id) => leaving[way].get(id) ?? [])) {
        found.push(edge)
        const far = way === "FROM" ? edge.to : edge.from
        if (visited.has(far)) continue
        visited.add(far)
        next.push(far)
      }
      level = next
    }
    return found.filter(({ from, to }) => seen(from) && seen(to))
  }
  const ref = (id: string) => ({ id, entityType: byId.get(id)!.entityType })

  const findRelations = ({
    payload: { parameters: asked }
  }: {
    payload: { parameters: { rootId: string; direction: Way; maxLevel: number } }
  }) => {
    calls.push(`walk ${asked.direction} ${asked.maxLevel}`)
    return seen(asked.rootId)
      ? Effect.succeed(
          walk(asked.rootId, asked.direction, asked.maxLevel).map(({ from, to, type }) => ({
            from: ref(from),
            to: ref(to),
            type,
            typeGroup: "COMMON"
          }))
        )
      : Effect.fail(new ThingsBoardError({ reason: new NotFound() }))
  }

  interface Query {
    readonly entityFilter:
      | { readonly type: "entityList"; readonly entityType: string; readonly entityList: ReadonlyArray<string> }
      | { readonly type: "relationsQuery"; readonly multiRootEntityIds: ReadonlyArray<string>; readonly direction: Way }
    readonly pageLink: { readonly page: number; readonly pageSize: number }
  }
  const findEntities = ({ payload: { entityFilter: filter, pageLink } }: { payload: Query }) => {
    calls.push(filter.type)
    const ids =
      filter.type === "entityList"
        ? filter.entityList.filter((id) => byId.get(id)?.entityType === filter.entityType)
        : [
            ...new Set(
              filter.multiRootEntityIds.flatMap((id) =>
                (leaving[filter.direction].get(id) ?? []).map((edge) => (filter.direction === "FROM" ? edge.to : edge.from))
              )
            )
          ]
    const found = ids.filter(seen)
    const { page, pageSize } = pageLink
    return Effect.succeed({
      data: found.slice(page * pageSize, (page + 1) * pageSize).map((id) => ({
        entityId: ref(id),
        latest: { ENTITY_FIELD: { name: { ts: 0, value: `name of ${id.slice(-4)}` } } }
      })),
      hasNext: (page + 1) * pageSize < found.length,
      totalPages: Math.ceil(found.length / pageSize),
      totalElements: found.length
    })
  }

  const client = { relations: { findRelations }, entityQueries: { findEntities } } as unknown as ThingsBoardClient
  const call: ThingsBoardShape["call"] = (run) =>
    Effect.mapError(run(client), (error) => {
      if (error instanceof ThingsBoardError) return error
      throw error
    })
  return { call, calls }
}
