/**
 * Relations. ThingsBoard walks many levels from one root per call, in one direction, and returns every edge that it met. For many roots
 * at once it returns only the entities that they lead to (`relationsQuery` with several roots), not the edges.
 */
import { Array, Effect } from "effect"
import type { EntityRef, EntityType } from "../../domain/Ids.ts"
import type { RelationsQuery } from "../api/Relations.ts"
import { noRelations, readRelations, type Relations } from "../responses/relations.ts"
import { orIfNotFound } from "../errors/orIfNotFound.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { fieldOf, findEntities, maxEntitiesPerCall } from "./entityQueries.ts"

export type { Relation } from "../responses/relations.ts"

/** FROM: relations that start at an entity. TO: relations that end at it. */
export type RelationDirection = "FROM" | "TO"

/** Root entities per query. */
const maxRoots = 1000
/** Pages of a thousand neighbors per query: twenty neighbors per root. */
const maxPages = 20

const toRef = ({ entityType, id }: { readonly entityType: string; readonly id: string }): EntityRef => ({
  id,
  entityType: entityType as EntityType
})

/**
 * All relations up to `maxLevel` steps from a root; none for a root that does not exist or may not be seen. `withNames`: also the name of the
 * far end of each, which ThingsBoard looks up per relation.
 */
export const walkRelations = (
  thingsBoard: ThingsBoardShape,
  root: EntityRef,
  direction: RelationDirection,
  maxLevel: number,
  { withNames }: { readonly withNames: boolean }
): Effect.Effect<Relations, ThingsBoardError> => {
  const parameters = {
    rootId: root.id,
    rootType: root.entityType,
    direction,
    relationTypeGroup: "COMMON" as const,
    maxLevel,
    fetchLastLevelOnly: false
  }
  const query: typeof RelationsQuery.Type = { parameters, filters: [] }
  const path = withNames ? "/api/relations/info" : "/api/relations"
  return orIfNotFound(noRelations)(
    thingsBoard.readInSteps(thingsBoard.post(path, JSON.stringify(query), { idempotent: true }), readRelations)
  )
}

export interface Neighbors {
  /** Each once. */
  readonly entities: ReadonlyArray<EntityRef>
  /** Their names, by id. */
  readonly names: ReadonlyMap<string, string>
  /** Whether there are more of them than were read. */
  readonly incomplete: boolean
}

const neighborsOf = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  entityType: string,
  ids: ReadonlyArray<string>,
  direction: RelationDirection,
  onlyTypes: ReadonlyArray<EntityType> | undefined
): Effect.fn.Return<Neighbors, ThingsBoardError> {
  const entities: Array<EntityRef> = []
  const names = new Map<string, string>()
  for (let page = 0; ; page++) {
    const { data, hasNext } = yield* findEntities(
      thingsBoard,
      {
        type: "relationsQuery",
        // The Java class names the field one way and its setter another; ThingsBoard ignores fields that it does not know.
        multiRoot: true,
        isMultiRoot: true,
        multiRootEntitiesType: entityType,
        multiRootEntityIds: ids,
        direction,
        maxLevel: 1,
        fetchLastLevelOnly: false,
        filters: onlyTypes === undefined ? [] : [{ entityTypes: onlyTypes }]
      },
      { fields: ["name"] },
      { page, pageSize: maxEntitiesPerCall }
    )
    for (const found of data) {
      const entity = toRef(found.entityId)
      if (onlyTypes?.includes(entity.entityType) === false) continue
      entities.push(entity)
      const name = fieldOf(found, "name")
      if (name !== "") names.set(entity.id, name)
    }
    if (!hasNext) return { entities, names, incomplete: false }
    if (page + 1 >= maxPages) return { entities, names, incomplete: true }
  }
})

/** The roots of each query. */
const chunksOf = (roots: ReadonlyArray<EntityRef>) =>
  [...Map.groupBy(roots, ({ entityType }) => entityType)].flatMap(([entityType, all]) =>
    Array.chunksOf(all, maxRoots).map((chunk) => ({ entityType, ids: chunk.map(({ id }) => id) }))
  )

/** How many queries `findNeighbors` makes, if none of them has more than one page. */
export const neighborQueries = (roots: ReadonlyArray<EntityRef>): number => chunksOf(roots).length

/** The entities one step away from any of the roots, of all types or of some. Fails with `Rejected` on a release that does not accept several roots. */
export const findNeighbors = (
  thingsBoard: ThingsBoardShape,
  roots: ReadonlyArray<EntityRef>,
  direction: RelationDirection,
  onlyTypes?: ReadonlyArray<EntityType>
): Effect.Effect<Neighbors, ThingsBoardError> => {
  const chunks = chunksOf(roots)
  return Effect.map(
    Effect.forEach(chunks, ({ entityType, ids }) => neighborsOf(thingsBoard, entityType, ids, direction, onlyTypes), { concurrency: 2 }),
    (found) => ({
      entities: [...new Map(found.flatMap(({ entities }) => entities).map((entity) => [entity.id, entity])).values()],
      names: new Map(found.flatMap(({ names }) => [...names])),
      incomplete: found.some(({ incomplete }) => incomplete)
    })
  )
}
