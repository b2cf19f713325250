import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { PageOf, Ref } from "./Entities.ts"

const QueryKey = Schema.Struct({
  type: Schema.Literals(["ENTITY_FIELD", "TIME_SERIES", "ATTRIBUTE", "SERVER_ATTRIBUTE"]),
  key: Schema.String
})

/** `type` comes first: some releases respond with 500 otherwise. */
export const EntityFilter = Schema.Union([
  Schema.Struct({ type: Schema.Literal("entityList"), entityType: Schema.String, entityList: Schema.Array(Schema.String) }),
  Schema.Struct({ type: Schema.Literal("deviceType"), deviceTypes: Schema.Array(Schema.String), deviceNameFilter: Schema.String }),
  Schema.Struct({ type: Schema.Literal("entityType"), entityType: Schema.String }),
  /** The entities that relations of several roots of one type lead to, some of them more than once. It returns no edges. */
  Schema.Struct({
    type: Schema.Literal("relationsQuery"),
    multiRoot: Schema.Boolean,
    isMultiRoot: Schema.Boolean,
    multiRootEntitiesType: Schema.String,
    multiRootEntityIds: Schema.Array(Schema.String),
    direction: Schema.Literals(["FROM", "TO"]),
    maxLevel: Schema.Int,
    fetchLastLevelOnly: Schema.Boolean,
    filters: Schema.Array(Schema.Unknown)
  })
])

/** Without `sortOrder` the order is undefined, and pages may repeat or skip entities. */
export const EntityDataQuery = Schema.Struct({
  entityFilter: EntityFilter,
  entityFields: Schema.Array(QueryKey),
  latestValues: Schema.Array(QueryKey),
  keyFilters: Schema.Array(Schema.Unknown),
  pageLink: Schema.Struct({
    pageSize: Schema.Int,
    page: Schema.Int,
    textSearch: Schema.NullOr(Schema.String),
    sortOrder: Schema.Struct({ key: QueryKey, direction: Schema.Literals(["ASC", "DESC"]) })
  })
})

/** Every value is text. For a key without a value: `{ts: 0, value: ""}`. */
export const LatestText = Schema.Struct({ ts: Schema.Int, value: Schema.String })

export const EntityData = Schema.Struct({
  entityId: Ref,
  latest: Schema.Record(Schema.String, Schema.Record(Schema.String, LatestText))
})

/** Reads many entities at once. Entities that may not be seen are silently left out. */
export class EntityQueries extends HttpApiGroup.make("entityQueries").add(
  HttpApiEndpoint.post("findEntities", "/api/entitiesQuery/find", { payload: EntityDataQuery, success: PageOf(EntityData) }),
  HttpApiEndpoint.post("countEntities", "/api/entitiesQuery/count", {
    payload: Schema.Struct({ entityFilter: EntityFilter, keyFilters: Schema.Array(Schema.Unknown) }),
    success: Schema.Int
  })
) {}
