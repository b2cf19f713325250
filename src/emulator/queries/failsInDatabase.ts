import { isQueryable } from "../auth/entityTypes.ts"
import type { User } from "../auth/Caller.ts"
import { objectOf, textOf } from "../http/bodies.ts"
import { printTree } from "../values/Json.ts"
import { hasNull } from "../values/postgres.ts"
import type { EntityQuery } from "./entityQuery.ts"

const escapedNull = /(?<!\\)(?:\\\\)*\\u0000/

/** Whether PostgreSQL rejects the query: it has no table for the type, or no character U+0000. */
export const failsInDatabase = (query: EntityQuery, { authority }: User): boolean => {
  const filterType = textOf(query.filter, "type") ?? ""
  const type =
    filterType === "singleEntity" ? textOf(objectOf(query.filter, "singleEntity"), "entityType") : textOf(query.filter, "entityType")
  const isByType = ["singleEntity", "entityList", "entityName", "entityType"].includes(filterType)
  const texts = [query.filter, ...query.keyFilters].map((json) => printTree(json))
  const keys = [...query.entityFields, ...query.latestValues].map(({ key }) => key)
  return (
    (isByType && !isQueryable(type ?? "", authority === "CUSTOMER_USER")) ||
    [query.textSearch, ...keys].some(hasNull) ||
    texts.some((text) => escapedNull.test(text))
  )
}
