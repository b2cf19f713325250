/**
 * Entity data queries: filter, sort order, fields and latest values, for the REST endpoint and the WebSocket's ENTITY_DATA command
 * (recorded in `entity-query.json` and `ws-entity-data.json`). Entities that the user cannot see are left out.
 */
import { isVisible } from "../auth/Access.ts"
import { arrayOf, numberOf, objectOf, textOf } from "../http/bodies.ts"
import type { User } from "../auth/Caller.ts"
import { JsonObject } from "../values/Json.ts"
import { ilike } from "../values/postgres.ts"
import { findCandidates } from "./entityFilters.ts"
import { matchesKeyFilters } from "./keyFilters.ts"
import type { Entity } from "../store/Directory.ts"
import type { Store } from "../store/Store.ts"
import { printText, type Value } from "../values/Value.ts"

type Stores = Store["Service"]

export interface QueryKey {
  /** One of `keyTypes`. */
  readonly type: string
  readonly key: string
}

export interface EntityQuery {
  readonly filter: JsonObject
  readonly entityFields: ReadonlyArray<QueryKey>
  readonly latestValues: ReadonlyArray<QueryKey>
  readonly keyFilters: ReadonlyArray<JsonObject>
  readonly page: number
  readonly pageSize: number
  readonly textSearch: string
  readonly sort: { readonly key: QueryKey; readonly descending: boolean } | undefined
}

export interface Latest {
  readonly ts: number
  readonly value: string
}

const filterTypes = [
  "apiUsageState",
  "assetSearchQuery",
  "assetType",
  "deviceSearchQuery",
  "deviceType",
  "edgeSearchQuery",
  "edgeType",
  "entityList",
  "entityName",
  "entityType",
  "entityViewSearchQuery",
  "entityViewType",
  "relationsQuery",
  "singleEntity"
]

const keyTypes = [
  "ALARM_FIELD",
  "ATTRIBUTE",
  "CLIENT_ATTRIBUTE",
  "CONSTANT",
  "ENTITY_FIELD",
  "SERVER_ATTRIBUTE",
  "SHARED_ATTRIBUTE",
  "TIME_SERIES"
]

/** The keys in an array of a query or command; elements that are not objects are skipped. */
export const readKeys = (json: JsonObject | undefined, name: string): ReadonlyArray<QueryKey> =>
  (arrayOf(json, name) ?? []).flatMap((element) =>
    element instanceof JsonObject ? [{ type: textOf(element, "type") ?? "", key: textOf(element, "key") ?? "" }] : []
  )

/** Jackson's message about the first unknown key type; undefined if all are known. */
export const findKeyTypeError = (keys: ReadonlyArray<QueryKey>): string | undefined => {
  const unknown = keys.find(({ type }) => !keyTypes.includes(type))
  return (
    unknown &&
    `Cannot deserialize value of type \`org.thingsboard.server.common.data.query.EntityKeyType\` from String "${unknown.type}": not one of the values accepted for Enum class: [${keyTypes.join(", ")}]`
  )
}

/** The query, or Jackson's message about an unknown filter type or key type. */
export const readEntityQuery = (json: JsonObject): EntityQuery | string => {
  const filter = objectOf(json, "entityFilter")
  const type = textOf(filter, "type") ?? ""
  if (filter === undefined || !filterTypes.includes(type)) {
    return `Could not resolve type id '${type}' as a subtype of \`org.thingsboard.server.common.data.query.EntityFilter\`: known type ids = [${filterTypes.join(", ")}] (for POJO property 'entityFilter')`
  }
  const link = objectOf(json, "pageLink")
  const order = objectOf(link, "sortOrder")
  const key = objectOf(order, "key")
  const entityFields = readKeys(json, "entityFields")
  const latestValues = readKeys(json, "latestValues")
  const keyTypeError = findKeyTypeError([...entityFields, ...latestValues])
  if (keyTypeError !== undefined) return keyTypeError
  return {
    filter,
    entityFields,
    latestValues,
    keyFilters: (arrayOf(json, "keyFilters") ?? []).filter((element) => element instanceof JsonObject),
    page: numberOf(link, "page") ?? 0,
    pageSize: numberOf(link, "pageSize") ?? 0,
    textSearch: textOf(link, "textSearch") ?? "",
    sort:
      key === undefined
        ? undefined
        : { key: { type: textOf(key, "type") ?? "", key: textOf(key, "key") ?? "" }, descending: textOf(order, "direction") === "DESC" }
  }
}

const entityFieldOf = (entity: Entity, key: string): string => {
  switch (key) {
    case "name":
      return entity.name
    case "type":
      return entity.kind
    case "label":
      return entity.label ?? ""
    case "createdTime":
      return String(entity.createdTime)
    case "entityType":
      return entity.type
    case "additionalInfo":
      return entity.additionalInfo ?? ""
    default:
      return ""
  }
}

/** The attribute scope of each key type that has one. */
export const attributeScopes: Readonly<Record<string, string>> = {
  CLIENT_ATTRIBUTE: "CLIENT_SCOPE",
  SHARED_ATTRIBUTE: "SHARED_SCOPE",
  SERVER_ATTRIBUTE: "SERVER_SCOPE"
}

/** The latest value or attribute; undefined if there is none. */
const findValue = (store: Stores, entity: Entity, { key, type }: QueryKey): { readonly ts: number; readonly value: Value } | undefined => {
  if (type === "TIME_SERIES") return store.telemetry.latest(entity, key)
  const found = store.attributes
    .read(entity)
    .find((attribute) => attribute.key === key && (attributeScopes[type] ?? attribute.scope) === attribute.scope)
  return found && { ts: found.lastUpdateTs, value: found.value }
}

/** The latest value as text. A missing value is `{ts: 0, value: ""}`; an entity field has the time of the query. */
export const readLatest = (store: Stores, entity: Entity, key: QueryKey, now: number): Latest => {
  if (key.type === "ENTITY_FIELD") return { ts: now, value: entityFieldOf(entity, key.key) }
  const found = findValue(store, entity, key)
  return found === undefined ? { ts: 0, value: "" } : { ts: found.ts, value: printText(found.value) }
}

const isNumeric = (text: string) => text !== "" && Number.isFinite(Number(text))

const compareValues = (one: string, other: string) =>
  isNumeric(one) && isNumeric(other) ? Number(one) - Number(other) : one < other ? -1 : one > other ? 1 : 0

/** The search looks through the requested fields and values, printed one after the other. */
const filterByText = (store: Stores, entities: ReadonlyArray<Entity>, { entityFields, latestValues, textSearch }: EntityQuery) => {
  const keys = [...entityFields, ...latestValues]
  if (textSearch === "" || keys.length === 0) return entities
  const matches = ilike(`%${textSearch}%`)
  return entities.filter((entity) => matches(keys.map((key) => readLatest(store, entity, key, 0).value).join("")))
}

/** One page of the matching entities in the requested order, and the total number of matches. */
export const findEntities = (
  store: Stores,
  user: User,
  query: EntityQuery
): { readonly rows: ReadonlyArray<Entity>; readonly total: number } => {
  const found = findCandidates(store, user, query.filter).filter((entity) => isVisible(store, user, entity.type, entity.id))
  const matching = filterByText(store, found, query).filter((entity) =>
    matchesKeyFilters(query.keyFilters, (key) => readLatest(store, entity, key, 0).value)
  )
  const { sort } = query
  const ordered =
    sort === undefined
      ? matching
      : matching
          .map((entity) => ({ entity, by: readLatest(store, entity, sort.key, 0).value }))
          // In descending order, ids that decide among equals descend as well.
          .sort(
            (one, other) => (sort.descending ? -1 : 1) * (compareValues(one.by, other.by) || (one.entity.id < other.entity.id ? -1 : 1))
          )
          .map(({ entity }) => entity)
  return { rows: ordered.slice(query.page * query.pageSize, (query.page + 1) * query.pageSize), total: ordered.length }
}
