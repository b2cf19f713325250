import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { requireTenantOrCustomer } from "../auth/Access.ts"
import { checkPage, json, page } from "../http/responses.ts"
import { jsonParseError, readObject } from "../http/bodies.ts"
import { databaseError } from "../http/ErrorResponse.ts"
import { Caller } from "../auth/Caller.ts"
import { failsInDatabase } from "../queries/failsInDatabase.ts"
import { findEntities, type QueryKey, readEntityQuery, readLatest } from "../queries/entityQuery.ts"
import { entityIdJson } from "../http/entityJson.ts"
import type { JsonObject } from "../values/Json.ts"
import type { Entity } from "../store/Directory.ts"
import { Store } from "../store/Store.ts"

const readQuery = Effect.fnUntraced(function* (body: JsonObject) {
  const query = readEntityQuery(body)
  return typeof query === "string" ? yield* jsonParseError({ message: query }) : query
})

/** The entity with its values, grouped by type and key. */
const entityDataJson = (store: Store["Service"], entity: Entity, keys: ReadonlyArray<QueryKey>, now: number) => {
  const latest: Record<string, Record<string, { ts: number; value: string }>> = {}
  for (const key of keys) (latest[key.type] ??= {})[key.key] = readLatest(store, entity, key, now)
  return `{"entityId":${entityIdJson(entity.type, entity.id)},"latest":${JSON.stringify(latest)},"timeseries":{},"aggLatest":{}}`
}

const find = Effect.fnUntraced(function* (body: JsonObject) {
  const caller = yield* requireTenantOrCustomer
  const store = yield* Store
  const query = yield* readQuery(body)
  yield* checkPage(query)
  if (failsInDatabase(query, caller)) return yield* databaseError()
  const now = yield* Clock.currentTimeMillis
  const { rows, total } = findEntities(store, caller, query)
  const keys = [...query.latestValues, ...query.entityFields]
  return json(
    page(
      rows.map((entity) => entityDataJson(store, entity, keys, now)),
      total,
      query
    )
  )
})

const count = Effect.fnUntraced(function* (body: JsonObject) {
  const caller = yield* Caller
  const query = yield* readQuery(body)
  if (failsInDatabase(query, caller)) return yield* databaseError()
  return json(String(findEntities(yield* Store, caller, query).total))
})

export const EntityQueriesLayer = HttpApiBuilder.group(GatewayApi, "entityQueries", (handlers) =>
  handlers
    .handleRaw("findEntities", ({ request }) => Effect.flatMap(readObject(request), find))
    .handleRaw("countEntities", ({ request }) => Effect.flatMap(readObject(request), count))
)
