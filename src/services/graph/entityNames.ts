import { Effect } from "effect"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { Node } from "./RelationFinder.ts"

/** Ids in one query. */
const maxIdsPerQuery = 500
const pageLink = {
  page: 0,
  textSearch: null,
  sortOrder: { key: { type: "ENTITY_FIELD" as const, key: "createdTime" }, direction: "ASC" as const }
}

/** The names of the entities that may be seen, by id: one call a type of entity and 500 ids. */
export const entityNames = (
  thingsBoard: ThingsBoardShape,
  nodes: ReadonlyArray<Node>
): Effect.Effect<ReadonlyMap<string, string>, ThingsBoardError> => {
  const chunks = [...Map.groupBy(nodes, ({ entityType }) => entityType)].flatMap(([entityType, all]) =>
    Array.from({ length: Math.ceil(all.length / maxIdsPerQuery) }, (_, i) => ({
      entityType,
      entityList: all.slice(i * maxIdsPerQuery, (i + 1) * maxIdsPerQuery).map(({ id }) => id)
    }))
  )
  return Effect.map(
    Effect.forEach(
      chunks,
      ({ entityList, entityType }): Effect.Effect<ReadonlyArray<readonly [id: string, name: string]>, ThingsBoardError> =>
        thingsBoard
          .call((client) =>
            client.entityQueries.findEntities({
              payload: {
                entityFilter: { type: "entityList", entityType, entityList },
                entityFields: [{ type: "ENTITY_FIELD", key: "name" }],
                latestValues: [],
                keyFilters: [],
                pageLink: { ...pageLink, pageSize: maxIdsPerQuery }
              }
            })
          )
          .pipe(
            Effect.map(({ data }) =>
              data.map(({ entityId, latest }) => [entityId.id, latest["ENTITY_FIELD"]?.["name"]?.value ?? entityId.id] as const)
            ),
            // Some types (rule nodes, alarms) cannot be queried: they are shown by their ids.
            Effect.catchIf(
              ({ reason }) => reason._tag === "Rejected",
              () => Effect.succeed(entityList.map((id) => [id, id] as const))
            )
          ),
      { concurrency: 4 }
    ),
    (found) => new Map(found.flat())
  )
}
