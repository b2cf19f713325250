/**
 * Entity queries (`/api/entitiesQuery/find`) read fields and latest values of many entities per call. ThingsBoard silently leaves out
 * the entities that its user may not see.
 *
 * Pages are sorted by creation time: without a sort order ThingsBoard may repeat or skip entities between pages.
 */
import { Effect, Option, Stream } from "effect"
import { EntityData, type EntityDataQuery, type EntityFilter } from "../api/EntityQueries.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { type DecodedPage, pageReader } from "../responses/elements.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"

export const maxEntitiesPerCall = 1000

export type Filter = typeof EntityFilter.Type
export type Entity = typeof EntityData.Type

interface Columns {
  /** Names of entity fields. */
  readonly fields: ReadonlyArray<string>
  /** Telemetry keys whose latest values are read. */
  readonly latest?: ReadonlyArray<string>
  /** Keys of server-side attributes. */
  readonly attributes?: ReadonlyArray<string>
}

const readPage = pageReader(EntityData)

/** One page of the entities of a filter. */
export const findEntities = (
  thingsBoard: ThingsBoardShape,
  entityFilter: Filter,
  { attributes = [], fields, latest = [] }: Columns,
  { page, pageSize }: { readonly page: number; readonly pageSize: number }
): Effect.Effect<DecodedPage<Entity>, ThingsBoardError> => {
  const query: typeof EntityDataQuery.Type = {
    entityFilter,
    entityFields: fields.map((key) => ({ type: "ENTITY_FIELD", key })),
    latestValues: [
      ...latest.map((key) => ({ type: "TIME_SERIES" as const, key })),
      ...attributes.map((key) => ({ type: "SERVER_ATTRIBUTE" as const, key }))
    ],
    keyFilters: [],
    pageLink: {
      pageSize,
      page,
      textSearch: null,
      sortOrder: { key: { type: "ENTITY_FIELD", key: "createdTime" }, direction: "ASC" }
    }
  }
  return thingsBoard.readInSteps(thingsBoard.post("/api/entitiesQuery/find", JSON.stringify(query), { idempotent: true }), readPage)
}

/** The entities of a filter, a thousand per call, up to the page that reaches `maxEntities`. */
export const allEntities = (
  thingsBoard: ThingsBoardShape,
  filter: Filter,
  columns: Columns,
  maxEntities = Number.POSITIVE_INFINITY
): Stream.Stream<Entity, ThingsBoardError> =>
  Stream.paginate(0, (page) =>
    Effect.map(findEntities(thingsBoard, filter, columns, { page, pageSize: maxEntitiesPerCall }), ({ data, hasNext }) => [
      data,
      hasNext && (page + 1) * maxEntitiesPerCall < maxEntities ? Option.some(page + 1) : Option.none()
    ])
  )

/** A value of an entity field; empty when the entity does not have it. */
export const fieldOf = ({ latest }: Entity, name: string): string => latest["ENTITY_FIELD"]?.[name]?.value ?? ""
