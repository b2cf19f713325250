/** A ThingsBoard with relations only, which it traverses like the real one: see `emulator/store/Relations.ts`. */
import { Effect } from "effect"
import type { EntityType } from "../../src/domain/Ids.ts"
import type { ThingsBoardShape } from "../../src/thingsboard/ThingsBoard.ts"
import { NotFound, ThingsBoardError } from "../../src/thingsboard/errors/ThingsBoardError.ts"

export interface RelationGraph {
  readonly nodes: ReadonlyArray<{
    readonly id: string
    readonly entityType: EntityType
    readonly isHidden?: boolean
    readonly isUnnamed?: boolean
  }>
  readonly edges: ReadonlyArray<{ readonly from: string; readonly to: string; readonly type: string }>
}

type Direction = "FROM" | "TO"

export const stubRelations = ({ edges, nodes }: RelationGraph) => {
  const calls: Array<string> = []
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const isVisible = (id: string) => byId.get(id)?.isHidden !== true && byId.has(id)
  const edgesOf = {
    FROM: Map.groupBy(edges, ({ from }) => from),
    TO: Map.groupBy(edges, ({ to }) => to)
  }
  /** All edges of all nodes up to `maxLevel` - 1, visiting each node once. */
  const traverse = (rootId: string, direction: Direction, maxLevel: number) => {
    const visited = new Set([rootId])
    const found: Array<RelationGraph["edges"][number]> = []
    let level = [rootId]
    for (let n = 1; n <= maxLevel && level.length > 0; n++) {
      const next: Array<string> = []
      for (const edge of level.flatMap((id) => edgesOf[direction].get(id) ?? [])) {
        found.push(edge)
        const far = direction === "FROM" ? edge.to : edge.from
        if (visited.has(far)) continue
        visited.add(far)
        next.push(far)
      }
      level = next
    }
    return found.filter(({ from, to }) => isVisible(from) && isVisible(to))
  }
  const ref = (id: string) => ({ id, entityType: byId.get(id)!.entityType })

  /** ThingsBoard does not find the names of some entities here. */
  const infoName = (id: string) => (byId.get(id)?.isUnnamed === true ? "N/A" : nameOf(id))
  const nameOf = (id: string) => `name of ${id.slice(-4)}`

  const findRelations = (
    { payload: { parameters } }: { payload: { parameters: { rootId: string; direction: Direction; maxLevel: number } } },
    withNames: boolean
  ) => {
    const { direction, maxLevel, rootId } = parameters
    calls.push(`walk ${direction} ${maxLevel}`)
    return isVisible(rootId)
      ? Effect.succeed(
          traverse(rootId, direction, maxLevel).map(({ from, to, type }) => {
            const relation = { from: ref(from), to: ref(to), type, typeGroup: "COMMON" }
            if (!withNames) return relation
            const isFrom = direction === "FROM"
            return Object.assign(relation, { fromName: isFrom ? null : infoName(from), toName: isFrom ? infoName(to) : null })
          })
        )
      : Effect.fail(new ThingsBoardError({ reason: new NotFound() }))
  }

  interface Query {
    readonly entityFilter:
      | { readonly type: "entityList"; readonly entityType: string; readonly entityList: ReadonlyArray<string> }
      | { readonly type: "relationsQuery"; readonly multiRootEntityIds: ReadonlyArray<string>; readonly direction: Direction }
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
                (edgesOf[filter.direction].get(id) ?? []).map((edge) => (filter.direction === "FROM" ? edge.to : edge.from))
              )
            )
          ]
    const found = ids.filter(isVisible)
    const { page, pageSize } = pageLink
    return Effect.succeed({
      data: found.slice(page * pageSize, (page + 1) * pageSize).map((id) => ({
        entityId: ref(id),
        latest: { ENTITY_FIELD: { name: { ts: 0, value: nameOf(id) } } }
      })),
      hasNext: (page + 1) * pageSize < found.length,
      totalPages: Math.ceil(found.length / pageSize),
      totalElements: found.length
    })
  }

  const post: ThingsBoardShape["post"] = (path, json) => {
    const payload: unknown = JSON.parse(String(json))
    const found = path.startsWith("/api/relations")
      ? findRelations({ payload } as never, path.endsWith("/info"))
      : findEntities({ payload } as never)
    return Effect.map(found as Effect.Effect<unknown, ThingsBoardError>, (response) => Buffer.from(JSON.stringify(response)))
  }
  return { post, calls }
}
