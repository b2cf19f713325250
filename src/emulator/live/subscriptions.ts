/** The commands about one entity: TIMESERIES, ATTRIBUTES and TIMESERIES_HISTORY (recorded in `ws-telemetry.json`). */
import { isUuid } from "../../domain/Ids.ts"
import { lookUp } from "../auth/Access.ts"
import { isEntityType } from "../auth/entityTypes.ts"
import type { Aggregation } from "../values/aggregation.ts"
import { numberOf, textOf } from "../http/bodies.ts"
import type { AttributeScope } from "../store/Events.ts"
import type { JsonObject } from "../values/Json.ts"
import { readSeries, type SeriesQuery, excessiveIntervals } from "../queries/series.ts"
import type { Entity } from "../store/Directory.ts"
import type { Command } from "./commands.ts"
import { CommandError, type Subscriber, type Subscription } from "./Subscriber.ts"
import { errorCodes, oldestTimestamps, type LivePoint, telemetryUpdate } from "./updates.ts"

/** Undefined without keys, which means all keys. */
const parseKeys = (json: JsonObject): ReadonlyArray<string> | undefined => {
  const keys = textOf(json, "keys") ?? ""
  return keys === "" ? undefined : [...new Set(keys.split(","))]
}

const parseEntityId = (json: JsonObject) => {
  const id = textOf(json, "entityId") ?? ""
  const type = textOf(json, "entityType") ?? ""
  if (id === "") throw new CommandError(errorCodes.badRequest, "Device id is empty!")
  if (!isEntityType(type)) {
    throw new CommandError(errorCodes.internal, `No enum constant org.thingsboard.server.common.data.EntityType.${type}`)
  }
  if (!isUuid(id)) throw new CommandError(errorCodes.internal, `Invalid UUID string: ${id}`)
  return { type, id: id.toLowerCase() }
}

/** Entities that are missing or not visible give the same error. */
const findEntity = ({ store, user }: Subscriber, json: JsonObject): Entity => {
  const { id, type } = parseEntityId(json)
  const found = lookUp(store, user, type, id)
  if (typeof found !== "object") throw new CommandError(errorCodes.internal, "Failed to fetch data!")
  return found
}

const parseSeriesQuery = (json: JsonObject, startTs: number, endTs: number): SeriesQuery => {
  const query: SeriesQuery = {
    startTs,
    endTs,
    limit: numberOf(json, "limit") || 100, // 0 means the default
    interval: numberOf(json, "interval") ?? 0,
    agg: (textOf(json, "agg") || "NONE") as Aggregation | "NONE" // an unknown aggregation gives no points
  }
  if (excessiveIntervals(query) !== undefined) throw new CommandError(errorCodes.internal, "Failed to fetch data!")
  return query
}

const readPoints = ({ store }: Subscriber, entity: Entity, keys: ReadonlyArray<string>, query: SeriesQuery): ReadonlyArray<LivePoint> =>
  keys.flatMap((key) => readSeries(store, entity, key, query).map(({ ts, value }) => ({ key, ts, value })))

/** A requested key without a value has null and the current time. */
const readLatest = ({ now, store }: Subscriber, entity: Entity, keys: ReadonlyArray<string>): ReadonlyArray<LivePoint> =>
  keys.map((key) => {
    const point = store.telemetry.latest(entity, key)
    return point === undefined ? { key, ts: now(), value: null } : { key, ...point }
  })

/** Sends history, if there is a time window, or latest values, and then new points. */
export const subscribeToTimeseries = (subscriber: Subscriber, { cmdId, json }: Command): Subscription => {
  const entity = findEntity(subscriber, json)
  const keys = parseKeys(json)
  const startTs = numberOf(json, "startTs") ?? 0
  const timeWindow = numberOf(json, "timeWindow") ?? 0
  const isHistory = keys !== undefined && timeWindow > 0
  const points = isHistory
    ? readPoints(subscriber, entity, keys, parseSeriesQuery(json, startTs, startTs + timeWindow))
    : readLatest(subscriber, entity, keys ?? subscriber.store.telemetry.keys(entity))
  const lastSent = new Map((keys ?? []).map((key) => [key, isHistory ? startTs : subscriber.now()]))
  const rememberTimes = (points: ReadonlyArray<LivePoint>) => {
    for (const [key, ts] of Object.entries(oldestTimestamps(points))) lastSent.set(key, ts)
  }
  rememberTimes(points)
  subscriber.send(telemetryUpdate(cmdId, points))
  const isLatestOnly = textOf(json, "scope") === "LATEST_TELEMETRY"
  return (event) => {
    if (event.type !== "TelemetrySaved" || event.entityId !== entity.id) return
    const changed = event.points.filter(({ key, ts }) => {
      const last = lastSent.get(key)
      return (keys === undefined || last !== undefined) && !(isLatestOnly && last !== undefined && ts < last)
    })
    if (changed.length === 0) return
    rememberTimes(changed)
    subscriber.send(telemetryUpdate(cmdId, changed))
  }
}

const scopes: ReadonlySet<string> = new Set(["CLIENT_SCOPE", "SHARED_SCOPE", "SERVER_SCOPE", "ANY_SCOPE"])

/**
 * ThingsBoard does not check permissions here: a user who knows an entity's id gets its attributes, and an unknown id has none.
 * (`DefaultWebSocketService` asks for the permission but ignores the result.)
 */
export const subscribeToAttributes = (subscriber: Subscriber, { cmdId, json }: Command): Subscription => {
  const { id, type } = parseEntityId(json)
  const given = textOf(json, "scope") || "ANY_SCOPE"
  if (!scopes.has(given)) {
    throw new CommandError(errorCodes.internal, `No enum constant org.thingsboard.server.common.data.AttributeScope.${given}`)
  }
  const scope = given === "ANY_SCOPE" ? undefined : (given as AttributeScope) // checked above
  const keys = parseKeys(json)
  const isRequested = ({ key }: { readonly key: string }) => keys === undefined || keys.includes(key)
  const entity = subscriber.store.directory.get(id)
  const found = entity?.type === type ? subscriber.store.attributes.read(entity, scope) : []
  subscriber.send(
    telemetryUpdate(
      cmdId,
      found.filter(isRequested).map(({ key, lastUpdateTs, value }) => ({ key, ts: lastUpdateTs, value }))
    )
  )
  return (event) => {
    if (event.type !== "AttributesSaved" || event.entityId !== id || (scope !== undefined && event.scope !== scope)) return
    const changed = event.attributes.filter(isRequested)
    if (changed.length > 0) subscriber.send(telemetryUpdate(cmdId, changed))
  }
}

/** Sends history once; there are no updates. */
export const sendHistory = (subscriber: Subscriber, { cmdId, json }: Command): void => {
  const keys = parseKeys(json)
  const { id, type } = { id: textOf(json, "entityId"), type: textOf(json, "entityType") }
  if (!id || !type) throw new CommandError(errorCodes.badRequest, "Device id is empty!")
  if (keys === undefined) throw new CommandError(errorCodes.badRequest, "Keys are empty!")
  const entity = findEntity(subscriber, json)
  const query = parseSeriesQuery(json, numberOf(json, "startTs") ?? 0, numberOf(json, "endTs") ?? 0)
  subscriber.send(telemetryUpdate(cmdId, readPoints(subscriber, entity, keys, query)))
}
