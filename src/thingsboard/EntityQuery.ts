import { Effect, Option, Stream } from "effect"
import type { EntityData, EntityFilter } from "./api/EntityQueries.ts"
import type { ThingsBoardShape } from "./ThingsBoard.ts"
import type { ThingsBoardError } from "./errors/ThingsBoardError.ts"

export const maxEntitiesPerCall = 1000

interface Wanted {
  /** Names of fields. */
  readonly fields: ReadonlyArray<string>
  /** Keys of latest values. */
  readonly latest?: ReadonlyArray<string>
  /** Keys of server-side attributes. */
  readonly attributes?: ReadonlyArray<string>
  /** Entities at the most. */
  readonly most?: number
}

/**
 * The entities of a filter that the gateway's user may see, a thousand in a call. Sorted by the time of their making, since
 * ThingsBoard's pages may repeat or skip what is not sorted.
 */
export const entityPages = (
  thingsBoard: ThingsBoardShape,
  entityFilter: typeof EntityFilter.Type,
  { attributes = [], fields, latest = [], most = Number.POSITIVE_INFINITY }: Wanted
): Stream.Stream<typeof EntityData.Type, ThingsBoardError> => {
  const page = (number: number) =>
    thingsBoard.call((client) =>
      client.entityQueries.findEntities({
        payload: {
          entityFilter,
          entityFields: fields.map((key) => ({ type: "ENTITY_FIELD", key })),
          latestValues: [
            ...latest.map((key) => ({ type: "TIME_SERIES" as const, key })),
            ...attributes.map((key) => ({ type: "SERVER_ATTRIBUTE" as const, key }))
          ],
          keyFilters: [],
          pageLink: {
            pageSize: maxEntitiesPerCall,
            page: number,
            textSearch: null,
            sortOrder: { key: { type: "ENTITY_FIELD", key: "createdTime" }, direction: "ASC" }
          }
        }
      })
    )
  return Stream.paginate(0, (number) =>
    Effect.map(page(number), ({ data, hasNext }) => [
      data,
      hasNext && (number + 1) * maxEntitiesPerCall < most ? Option.some(number + 1) : Option.none()
    ])
  )
}
