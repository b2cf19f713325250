import { Array, Effect } from "effect"
import type { EntityRef } from "../../domain/Ids.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { findEntities } from "./entityQueries.ts"

/** Ids per query. */
const maxNamesPerCall = 500

/**
 * The names of those entities that may be seen, by id; ids stand in for the names of types that cannot be queried, such as rule nodes
 * and alarms. One call per type and 500 ids.
 */
export const entityNames = (
  thingsBoard: ThingsBoardShape,
  entities: ReadonlyArray<EntityRef>
): Effect.Effect<ReadonlyMap<string, string>, ThingsBoardError> => {
  const chunks = [...Map.groupBy(entities, ({ entityType }) => entityType)].flatMap(([entityType, all]) =>
    Array.chunksOf(all, maxNamesPerCall).map((chunk) => ({ entityType, entityList: chunk.map(({ id }) => id) }))
  )
  return Effect.map(
    Effect.forEach(
      chunks,
      ({ entityList, entityType }): Effect.Effect<ReadonlyArray<readonly [id: string, name: string]>, ThingsBoardError> =>
        findEntities(
          thingsBoard,
          { type: "entityList", entityType, entityList },
          { fields: ["name"] },
          { page: 0, pageSize: maxNamesPerCall }
        ).pipe(
          Effect.map(({ data }) =>
            data.map(({ entityId, latest }) => [entityId.id, latest["ENTITY_FIELD"]?.["name"]?.value ?? entityId.id] as const)
          ),
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
