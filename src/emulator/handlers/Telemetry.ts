import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { checkEntityType, parseUuid, findEntityForTelemetry } from "../auth/Access.ts"
import { arrayJson, emptyOk, json } from "../http/responses.ts"
import { readText } from "../http/bodies.ts"
import { Behavior } from "../Behavior.ts"
import { canStorePoints, readTelemetry, requireStorableKeys } from "../http/payloads.ts"
import { emptyError, internalError, plainText } from "../http/ErrorResponse.ts"
import { isAggregated, readSeries, type SeriesQuery, excessiveIntervals } from "../queries/series.ts"
import { Store } from "../store/Store.ts"
import { type Point, printJson, printText } from "../values/Value.ts"
import { listAttributes, saveAttributes } from "./attributes.ts"
import { type KeyParameters, readKeyNames } from "./keyParameters.ts"

interface ReadQuery extends KeyParameters, Partial<SeriesQuery> {
  readonly useStrictDataTypes?: boolean
}

const seriesResponse = (read: ReadonlyArray<readonly [key: string, points: string]>) =>
  json(`{${read.map(([key, points]) => `${JSON.stringify(key)}:${points}`).join(",")}}`)

/** Without strict data types all values are text. */
const pointsJson = (points: ReadonlyArray<Point>, strict: boolean) =>
  arrayJson(points.map(({ ts, value }) => `{"ts":${ts},"value":${strict ? printJson(value) : JSON.stringify(printText(value))}}`))

const readLatest = Effect.fnUntraced(function* (type: string, id: string, query: ReadQuery) {
  const { version } = yield* Behavior
  const { telemetry } = yield* Store
  const entity = yield* findEntityForTelemetry(type, id)
  const now = yield* Clock.currentTimeMillis
  const names = readKeyNames(query, version)
  yield* requireStorableKeys(names)
  const keys = names.length === 0 ? telemetry.keys(entity) : [...new Set(names)]
  return seriesResponse(
    keys.map((key) => {
      const point = telemetry.latest(entity, key)
      // As recorded: an unknown key has the value null and the current time.
      return [key, point === undefined ? `[{"ts":${now},"value":null}]` : pointsJson([point], query.useStrictDataTypes === true)]
    })
  )
})

/**
 * As recorded, ThingsBoard does not check permissions for history: a user who knows the id of an entity can read its history, and an
 * unknown id has none. (`DefaultTbTelemetryService` asks for the permission but ignores the result.)
 */
const readHistory = Effect.fnUntraced(function* (type: string, givenId: string, query: ReadQuery & { startTs: number; endTs: number }) {
  const { version } = yield* Behavior
  const store = yield* Store
  yield* checkEntityType(type)
  const id = yield* parseUuid(givenId)
  if (!isAggregated(query) && (query.limit ?? 100) < 1) return yield* plainText(400, "Page size must not be less than one")
  const intervals = excessiveIntervals(query)
  if (intervals !== undefined) {
    return yield* plainText(
      400,
      `Incorrect TsKvQuery. Number of intervals is to high - ${intervals}. Please increase 'interval' parameter for your query or reduce the time range of the query.`
    )
  }
  yield* requireStorableKeys(readKeyNames(query, version))
  const entity = store.directory.get(id)
  if (entity === undefined || entity.type !== type) return seriesResponse([])
  return seriesResponse(
    readKeyNames(query, version)
      .map((key) => [key, readSeries(store, entity, key, query)] as const)
      .filter(([, points]) => points.length > 0)
      .map(([key, points]) => [key, pointsJson(points, query.useStrictDataTypes === true)])
  )
})

const readValues = Effect.fnUntraced(function* (type: string, id: string, query: ReadQuery) {
  const { version } = yield* Behavior
  const { endTs, startTs } = query
  // 4.1 reads history if keys, startTs and endTs are all there; 4.3 (since 4.3.1.1) if the two times are.
  const isHistory = startTs !== undefined && endTs !== undefined && (version === "4.3" || query.keys !== undefined)
  return isHistory ? yield* readHistory(type, id, { ...query, startTs, endTs }) : yield* readLatest(type, id, query)
})

export const saveTelemetry = Effect.fnUntraced(function* (type: string, id: string, body: string) {
  const { telemetry } = yield* Store
  yield* checkEntityType(type)
  yield* parseUuid(id)
  if (body === "") {
    return yield* internalError(
      "Required request body is missing: public org.springframework.web.context.request.async.DeferredResult<org.springframework.http.ResponseEntity> org.thingsboard.server.controller.TelemetryController.saveEntityTelemetry(java.lang.String,java.lang.String,java.lang.String,java.lang.String) throws org.thingsboard.server.common.data.exception.ThingsboardException"
    )
  }
  const points = yield* readTelemetry(body, yield* Clock.currentTimeMillis)
  const entity = yield* findEntityForTelemetry(type, id)
  if (!canStorePoints(points)) return yield* emptyError(500)
  telemetry.save(entity, points)
  return emptyOk
})

export const TelemetryLayer = HttpApiBuilder.group(
  GatewayApi,
  "telemetry",
  Effect.fnUntraced(function* (handlers) {
    const { telemetry } = yield* Store
    return handlers
      .handle("keys", ({ params }) =>
        Effect.map(findEntityForTelemetry(params.entityType, params.entityId), (entity) => json(JSON.stringify(telemetry.keys(entity))))
      )
      .handle("values", ({ params, query }) => readValues(params.entityType, params.entityId, query))
      .handle("history", ({ params, query }) =>
        readHistory(params.entityType, params.entityId, { ...query, startTs: query.startTs ?? 0, endTs: query.endTs ?? 0 })
      )
      .handleRaw("saveTelemetry", ({ params, request }) =>
        Effect.flatMap(readText(request), (body) => saveTelemetry(params.entityType, params.entityId, body))
      )
      .handle("attributes", ({ params, query }) => listAttributes(params.entityType, params.entityId, undefined, query))
      .handle("attributesOfScope", ({ params, query }) => listAttributes(params.entityType, params.entityId, params.scope, query))
      .handleRaw("saveAttributes", ({ params, request }) =>
        Effect.flatMap(readText(request), (body) => saveAttributes(params.entityType, params.entityId, params.scope, body, "V2"))
      )
  })
)
