/**
 * Relations. ThingsBoard walks many levels from one root per call, in one direction, and returns every edge that it met. For many roots
 * at once it returns only the entities that they lead to (`relationsQuery` with several roots), not the edges.
 */
import { Array, Effect } from "effect"
import type { EntityRef, EntityType } from "../../domain/Ids.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { Relation as RelationJson, type RelationsQuery } from "../api/Relations.ts"
import { listReader } from "../responses/elements.ts"
import { orIfNotFound } from "../errors/orIfNotFound.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { findEntities, maxEntitiesPerCall } from "./entityQueries.ts"

/** FROM: relations that start at an entity. TO: relations that end at it. */
export type RelationDirection = "FROM" | "TO"

export interface Relation {
  readonly from: EntityRef
  readonly to: EntityRef
  readonly type: string
}

/** Root entities per query. */
const maxRoots = 1000
/** Pages of a thousand neighbors per query: twenty neighbors per root. */
const maxPages = 20

const toRef = ({ entityType, id }: { readonly entityType: string; readonly id: string }): EntityRef => ({
  id,
  entityType: entityType as EntityType
})

/** ThingsBoard's names of the types are kept as they are. */
const readRelations = listReader(RelationJson) as (bytes: Uint8Array, isTurnOver: IsTurnOver) => Steps<ReadonlyArray<Relation>>

/** All relations up to `maxLevel` steps from a root; none for a root that does not exist or may not be seen. */
export const walkRelations = (
  thingsBoard: ThingsBoardShape,
  root: EntityRef,
  direction: RelationDirection,
  maxLevel: number
): Effect.Effect<ReadonlyArray<Relation>, ThingsBoardError> => {
  const parameters = {
    rootId: root.id,
    rootType: root.entityType,
    direction,
    relationTypeGroup: "COMMON" as const,
    maxLevel,
    fetchLastLevelOnly: false
  }
  const query: typeof RelationsQuery.Type = { parameters, filters: [] }
  return orIfNotFound<ReadonlyArray<Relation>>([])(
    thingsBoard.readInSteps(thingsBoard.post("/api/relations", JSON.stringify(query), { idempotent: true }), readRelations)
  )
}

export interface Neighbors {
  /** Each once. */
  readonly entities: ReadonlyArray<EntityRef>
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
      { fields: [] },
      { page, pageSize: maxEntitiesPerCall }
    )
    for (const { entityId } of data) {
      const entity = toRef(entityId)
      if (onlyTypes === undefined || onlyTypes.includes(entity.entityType)) entities.push(entity)
    }
    if (!hasNext) return { entities, incomplete: false }
    if (page + 1 >= maxPages) return { entities, incomplete: true }
  }
})

/** The entities one step away from any of the roots, of all types or of some. Fails with `Rejected` on a release that does not accept several roots. */
export const findNeighbors = (
  thingsBoard: ThingsBoardShape,
  roots: ReadonlyArray<EntityRef>,
  direction: RelationDirection,
  onlyTypes?: ReadonlyArray<EntityType>
): Effect.Effect<Neighbors, ThingsBoardError> => {
  const chunks = [...Map.groupBy(roots, ({ entityType }) => entityType)].flatMap(([entityType, all]) =>
    Array.chunksOf(all, maxRoots).map((chunk) => ({ entityType, ids: chunk.map(({ id }) => id) }))
  )
  return Effect.map(
    Effect.forEach(chunks, ({ entityType, ids }) => neighborsOf(thingsBoard, entityType, ids, direction, onlyTypes), { concurrency: 2 }),
    (found) => ({
      entities: [...new Map(found.flatMap(({ entities }) => entities).map((entity) => [entity.id, entity])).values()],
      incomplete: found.some(({ incomplete }) => incomplete)
    })
  )
}
