import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { checkEntityType, checkUuid, findForTelemetry } from "../Access.ts"
import { array, done, json } from "../responses.ts"
import { readText } from "../bodies.ts"
import { Behaviour } from "../Behaviour.ts"
import { readTelemetry } from "../payloads.ts"
import { internal, text } from "../ErrorResponse.ts"
import { isBucketed, readSeries, type SeriesQuery, tooManyBuckets } from "../series.ts"
import type { Point } from "../store/Telemetry.ts"
import { Store } from "../Store.ts"
import { printJson, printText } from "../Value.ts"
import { attributesLike, saveAttributes } from "./attributes.ts"
import { type Named, namesOf } from "./names.ts"

interface Reading extends Named, Partial<SeriesQuery> {
  readonly useStrictDataTypes?: boolean
}

const series = (read: ReadonlyArray<readonly [key: string, points: string]>) =>
  json(`{${read.map(([key, points]) => `${JSON.stringify(key)}:${points}`).join(",")}}`)

/** Without strict types every value is text. */
const pointsJson = (points: ReadonlyArray<Point>, strict: boolean) =>
  array(points.map(({ ts, value }) => `{"ts":${ts},"value":${strict ? printJson(value) : JSON.stringify(printText(value))}}`))

const latest = Effect.fnUntraced(function* (type: string, id: string, reading: Reading) {
  const { version } = yield* Behaviour
  const { telemetry } = yield* Store
  const entity = yield* findForTelemetry(type, id)
  const now = yield* Clock.currentTimeMillis
  const names = namesOf(reading, version)
  const keys = names.length === 0 ? telemetry.keys(entity) : [...new Set(names)]
  return series(
    keys.map((key) => {
      const point = telemetry.latest(entity, key)
      // A key that is not known has no value now.
      return [key, point === undefined ? `[{"ts":${now},"value":null}]` : pointsJson([point], reading.useStrictDataTypes === true)]
    })
  )
})

/** The permission is asked for and not looked at: whoever knows an id reads its history, and one that does not exist has none. */
const history = Effect.fnUntraced(function* (type: string, givenId: string, reading: Reading & { startTs: number; endTs: number }) {
  const { version } = yield* Behaviour
  const store = yield* Store
  yield* checkEntityType(type)
  const id = yield* checkUuid(givenId)
  if (!isBucketed(reading) && (reading.limit ?? 100) < 1) return yield* text(400, "Page size must not be less than one")
  const intervals = tooManyBuckets(reading)
  if (intervals !== undefined) {
    return yield* text(
      400,
      `Incorrect TsKvQuery. Number of intervals is to high - ${intervals}. Please increase 'interval' parameter for your query or reduce the time range of the query.`
    )
  }
  const entity = store.directory.get(id)
  if (entity === undefined || entity.type !== type) return series([])
  return series(
    namesOf(reading, version)
      .map((key) => [key, readSeries(store, entity, key, reading)] as const)
      .filter(([, points]) => points.length > 0)
      .map(([key, points]) => [key, pointsJson(points, reading.useStrictDataTypes === true)])
  )
})

const values = Effect.fnUntraced(function* (type: string, id: string, reading: Reading) {
  const { version } = yield* Behaviour
  const { endTs, startTs } = reading
  // Until 4.3 all three of keys, startTs and endTs make it history; since then the times alone do.
  const isHistory = startTs !== undefined && endTs !== undefined && (version === "4.3" || reading.keys !== undefined)
  return isHistory ? yield* history(type, id, { ...reading, startTs, endTs }) : yield* latest(type, id, reading)
})

export const saveTelemetry = Effect.fnUntraced(function* (type: string, id: string, body: string) {
  const { telemetry } = yield* Store
  yield* checkEntityType(type)
  yield* checkUuid(id)
  if (body === "") {
    return yield* internal(
      "Required request body is missing: public org.springframework.web.context.request.async.DeferredResult<org.springframework.http.ResponseEntity> org.thingsboard.server.controller.TelemetryController.saveEntityTelemetry(java.lang.String,java.lang.String,java.lang.String,java.lang.String) throws org.thingsboard.server.common.data.exception.ThingsboardException"
    )
  }
  const points = yield* readTelemetry(body, yield* Clock.currentTimeMillis)
  telemetry.save(yield* findForTelemetry(type, id), points)
  return done
})

export const TelemetryLayer = HttpApiBuilder.group(
  GatewayApi,
  "telemetry",
  Effect.fnUntraced(function* (handlers) {
    const { telemetry } = yield* Store
    return handlers
      .handle("keys", ({ params }) =>
        Effect.map(findForTelemetry(params.entityType, params.entityId), (entity) => json(JSON.stringify(telemetry.keys(entity))))
      )
      .handle("values", ({ params, query }) => values(params.entityType, params.entityId, query))
      .handle("history", ({ params, query }) =>
        history(params.entityType, params.entityId, { ...query, startTs: query.startTs ?? 0, endTs: query.endTs ?? 0 })
      )
      .handleRaw("saveTelemetry", ({ params, request }) =>
        Effect.flatMap(readText(request), (body) => saveTelemetry(params.entityType, params.entityId, body))
      )
      .handle("attributes", ({ params, query }) => attributesLike(params.entityType, params.entityId, undefined, query))
      .handle("attributesOfScope", ({ params, query }) => attributesLike(params.entityType, params.entityId, params.scope, query))
      .handleRaw("saveAttributes", ({ params, request }) =>
        Effect.flatMap(readText(request), (body) => saveAttributes(params.entityType, params.entityId, params.scope, body, "V2"))
      )
  })
)
