/** Which entities the filter of an entity data query finds (`DefaultEntityQueryRepository`). */
import type { User } from "../auth/Caller.ts"
import { arrayOf, numberOf, objectOf, textOf } from "../http/bodies.ts"
import type { Entity, StoredType } from "../store/Directory.ts"
import type { Store } from "../store/Store.ts"
import { JsonObject } from "../values/Json.ts"
import { ilike } from "../values/postgres.ts"

type Stores = Store["Service"]

const textsOf = (filter: JsonObject, name: string) => (arrayOf(filter, name) ?? []).filter((element) => typeof element === "string")

/** The filter is the beginning of the name, with wildcards, unless it starts or ends with `%`. */
const filterByName = (entities: ReadonlyArray<Entity>, filter = "") => {
  const matches = ilike(filter !== "" && (filter.startsWith("%") || filter.endsWith("%")) ? filter : `${filter}%`)
  return entities.filter(({ name }) => matches(name))
}

/** Devices or assets of the given profiles; older queries have one (`deviceType`), newer ones a list (`deviceTypes`). */
const filterByProfile = (store: Stores, tenantId: string, type: "DEVICE" | "ASSET", filter: JsonObject) => {
  const lower = type.toLowerCase()
  const kinds = new Set([...textsOf(filter, `${lower}Types`), ...[textOf(filter, `${lower}Type`)].filter((kind) => kind !== undefined)])
  return filterByName(store.directory.all(tenantId, type), textOf(filter, `${lower}NameFilter`)).filter(({ kind }) => kinds.has(kind))
}

/** The entities that relations lead to from one root or, with `multiRoot`, from several; each entity once. */
const findRelated = (store: Stores, filter: JsonObject): ReadonlyArray<Entity> => {
  const isMultiRoot = filter.get("multiRoot") === true || filter.get("isMultiRoot") === true
  const roots = isMultiRoot ? textsOf(filter, "multiRootEntityIds") : [textOf(objectOf(filter, "rootEntity"), "id") ?? ""]
  const direction = textOf(filter, "direction") === "TO" ? "TO" : "FROM"
  const filters = (arrayOf(filter, "filters") ?? []).filter((element) => element instanceof JsonObject)
  const maxLevel = numberOf(filter, "maxLevel") ?? 0
  const lastLevelOnly = filter.get("fetchLastLevelOnly") === true
  const walk = { direction, typeGroup: "COMMON", maxLevel: maxLevel <= 0 || maxLevel > 50 ? 50 : maxLevel, lastLevelOnly } as const
  const relationType = textOf(filter, "relationType")
  const ids = roots
    .flatMap((rootId) => store.relations.walk({ rootId, ...walk }))
    .flatMap((edge) => {
      const [id, type] = direction === "FROM" ? [edge.toId, edge.toType] : [edge.fromId, edge.fromType]
      const matches = filters.some((one) => {
        const types = textsOf(one, "entityTypes")
        const fit = (textOf(one, "relationType") ?? edge.type) === edge.type && (types.length === 0 || types.includes(type))
        return fit !== (one.get("negate") === true)
      })
      return (filters.length === 0 || matches) && (relationType === undefined || relationType === edge.type) ? [id] : []
    })
  return [...new Set(ids)].flatMap((id) => store.directory.get(id) ?? [])
}

const searchRelated = (store: Stores, filter: JsonObject, type: "DEVICE" | "ASSET") => {
  const kinds = textsOf(filter, `${type.toLowerCase()}Types`)
  return findRelated(store, filter).filter((entity) => entity.type === type && (kinds.length === 0 || kinds.includes(entity.kind)))
}

/** The entities of a filter, whether or not the user can see them. */
export const findCandidates = (store: Stores, { tenantId }: User, filter: JsonObject): ReadonlyArray<Entity> => {
  const type = (textOf(filter, "entityType") ?? "DEVICE") as StoredType // there are no rows of other types
  const byId = (id: string | undefined) => (id === undefined ? [] : (store.directory.get(id) ?? []))
  switch (textOf(filter, "type")) {
    case "singleEntity":
      return [byId(textOf(objectOf(filter, "singleEntity"), "id"))].flat()
    case "entityList":
      return textsOf(filter, "entityList")
        .flatMap(byId)
        .filter((entity) => entity.type === type)
    case "entityName":
      return filterByName(store.directory.all(tenantId, type), textOf(filter, "entityNameFilter"))
    case "entityType":
      return store.directory.all(tenantId, type)
    case "deviceType":
      return filterByProfile(store, tenantId, "DEVICE", filter)
    case "assetType":
      return filterByProfile(store, tenantId, "ASSET", filter)
    case "relationsQuery":
      return findRelated(store, filter)
    case "deviceSearchQuery":
      return searchRelated(store, filter, "DEVICE")
    case "assetSearchQuery":
      return searchRelated(store, filter, "ASSET")
    default:
      return []
  }
}
