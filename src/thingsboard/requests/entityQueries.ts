/**
 * Entity queries (`/api/entitiesQuery/find`) read fields and latest values of many entities per call. ThingsBoard silently leaves out
 * the entities that its user may not see.
 *
 * Pages are sorted by creation time: without a sort order ThingsBoard may repeat or skip entities between pages.
 */
import { Effect, Option, Predicate, Stream } from "effect"
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

const isValue = (json: unknown) => Predicate.isObject(json) && Number.isSafeInteger(json["ts"]) && typeof json["value"] === "string"

/** Whether it is what `EntityData` describes. With the schema alone, reading a page of entities takes twice as long. */
export const isEntity = (json: unknown): json is Entity => {
  if (!Predicate.isObject(json) || !Predicate.isObject(json["entityId"]) || !Predicate.isObject(json["latest"])) return false
  const { entityType, id } = json["entityId"]
  if (typeof entityType !== "string" || typeof id !== "string") return false
  for (const values of Object.values(json["latest"])) {
    if (!Predicate.isObject(values)) return false
    for (const name in values) if (!isValue(values[name])) return false
  }
  return true
}

const readPage = pageReader(EntityData, isEntity)

export interface EntityPage {
  readonly page: number
  readonly pageSize: number
}

/** Fields by which pages are sorted; ids decide among equals. */
export type SortField = "createdTime" | "entityType"

/** One page of the entities of a filter. */
export const findEntities = (
  thingsBoard: ThingsBoardShape,
  entityFilter: Filter,
  { attributes = [], fields, latest = [] }: Columns,
  { page, pageSize }: EntityPage,
  sortField: SortField = "createdTime"
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
      sortOrder: { key: { type: "ENTITY_FIELD", key: sortField }, direction: "ASC" }
    }
  }
  return thingsBoard.readInSteps(thingsBoard.post("/api/entitiesQuery/find", JSON.stringify(query), { idempotent: true }), readPage)
}

/** The same position, in pages of a tenth. */
const shrink = ({ page, pageSize }: EntityPage): EntityPage => ({ page: page * 10, pageSize: pageSize / 10 })

/** The most entities that are read of a filter. */
export interface MaxEntities {
  readonly count: number
  /** Called instead of reading any further if there are more, which the first page says. */
  readonly onMore: () => void
}

/**
 * The entities of a filter, a thousand per call; none if there are more than `max`. Where a response is too large, because values
 * are, the calls become smaller.
 */
export const allEntities = (
  thingsBoard: ThingsBoardShape,
  filter: Filter,
  columns: Columns,
  max: MaxEntities = { count: Number.POSITIVE_INFINITY, onMore: () => {} }
): Stream.Stream<Entity, ThingsBoardError> =>
  Stream.paginate<EntityPage, Entity, ThingsBoardError, never>({ page: 0, pageSize: maxEntitiesPerCall }, (position) => {
    const { page, pageSize } = position
    return Effect.matchEffect(findEntities(thingsBoard, filter, columns, position), {
      onSuccess: ({ data, hasNext, total = 0 }) => {
        if (Math.max(total, page * pageSize + data.length) > max.count) {
          max.onMore()
          return Effect.succeed([[], Option.none<EntityPage>()] as const)
        }
        return Effect.succeed([data, hasNext ? Option.some({ page: page + 1, pageSize }) : Option.none()] as const)
      },
      onFailure: (error) =>
        error.reason._tag === "ResponseTooLarge" && pageSize > 1
          ? Effect.succeed([[], Option.some(shrink(position))] as const)
          : Effect.fail(error)
    })
  })

/** A value of an entity field; empty when the entity does not have it. */
export const fieldOf = ({ latest }: Entity, name: string): string => latest["ENTITY_FIELD"]?.[name]?.value ?? ""
