import { Array, Effect } from "effect"
import type { EntityRef, EntityType } from "../../domain/Ids.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { fieldOf, findEntities } from "./entityQueries.ts"

/** Ids per query. */
const maxNamesPerCall = 1000

/** The types that entity queries have no table for: such a query fails with a database error (recorded in `edges.json`). */
const typesWithoutTable: ReadonlySet<EntityType> = new Set<EntityType>(["ALARM", "RULE_NODE"])

/** Types whose table has no column for a customer: queries of a customer's users compare it and fail (`DefaultEntityQueryRepository`). */
const typesWithoutCustomer: ReadonlySet<EntityType> = new Set<EntityType>(["RULE_CHAIN", "DEVICE_PROFILE", "ASSET_PROFILE"])

/** Whether entities of a type can be looked up by their ids. */
export const canLookUp = (thingsBoard: ThingsBoardShape, type: EntityType): Effect.Effect<boolean, ThingsBoardError> =>
  typesWithoutCustomer.has(type)
    ? Effect.map(thingsBoard.identity, ({ authority }) => authority !== "CUSTOMER_USER")
    : Effect.succeed(!typesWithoutTable.has(type))

/**
 * The names of those entities that may be seen, by id. Ids stand in for the names of entities that cannot be looked up. One call per type
 * and 1,000 ids whose names are not `known`.
 */
export const entityNames = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  entities: ReadonlyArray<EntityRef>,
  known: ReadonlyMap<string, string> = new Map()
): Effect.fn.Return<ReadonlyMap<string, string>, ThingsBoardError> {
  const found: Array<readonly [id: string, name: string]> = []
  const queries: Array<{ readonly entityType: EntityType; readonly entityList: ReadonlyArray<string> }> = []
  for (const [entityType, all] of Map.groupBy(entities, (entity) => entity.entityType)) {
    if (!(yield* canLookUp(thingsBoard, entityType))) {
      for (const { id } of all) found.push([id, id])
      continue
    }
    const unknown: Array<string> = []
    for (const { id } of all) {
      const name = known.get(id)
      if (name === undefined) unknown.push(id)
      else found.push([id, name])
    }
    for (const entityList of Array.chunksOf(unknown, maxNamesPerCall)) queries.push({ entityType, entityList })
  }
  const pages = yield* Effect.forEach(
    queries,
    ({ entityList, entityType }) =>
      findEntities(
        thingsBoard,
        { type: "entityList", entityType, entityList },
        { fields: ["name"] },
        { page: 0, pageSize: maxNamesPerCall }
      ).pipe(
        Effect.map(({ data }) => data.map((entity) => [entity.entityId.id, fieldOf(entity, "name") || entity.entityId.id] as const)),
        // A release that does not know the type.
        Effect.catchIf(
          ({ reason }) => reason._tag === "Rejected",
          () => Effect.succeed(entityList.map((id) => [id, id] as const))
        )
      ),
    { concurrency: 4 }
  )
  return new Map([...found, ...pages.flat()])
})
