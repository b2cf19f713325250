/**
 * ENTITY_DATA: a subscription to all entities that a query finds when it arrives (recorded in `ws-entity-data.json`). Entities that match
 * later are only added if the query's `pageLink` is `dynamic`. Of the nested commands, only `latestCmd` is emulated.
 */
import { arrayOf, objectOf } from "../http/bodies.ts"
import { arrayJson, page } from "../http/responses.ts"
import {
  attributeScopes,
  type EntityQuery,
  findEntities,
  type Latest,
  type QueryKey,
  readKeys,
  readLatest
} from "../queries/entityQuery.ts"
import type { SavedEvent, SavedPoint } from "../store/Events.ts"
import type { Entity } from "../store/Directory.ts"
import { printText } from "../values/Value.ts"
import type { Command } from "./commands.ts"
import { CommandError, type Subscriber } from "./Subscriber.ts"
import { entityDataJson, entityDataUpdate, errorCodes } from "./updates.ts"

interface Row {
  readonly entity: Entity
  /** The values last sent, by type and key. */
  readonly latest: Record<string, Record<string, Latest>>
}

const readLatestKeys = ({ json }: Command): ReadonlyArray<QueryKey> | undefined => {
  const command = objectOf(json, "latestCmd")
  return command && readKeys(command, "keys")
}

const isDynamic = ({ json }: Command) => objectOf(objectOf(json, "query"), "pageLink")?.get("dynamic") === true

/** The points of an event that belong to a key type. */
const pointsOfType = (event: SavedEvent, type: string): ReadonlyArray<SavedPoint> => {
  if (event.type === "TelemetrySaved") return type === "TIME_SERIES" ? event.points : []
  return type === "ATTRIBUTE" || attributeScopes[type] === event.scope ? event.attributes : []
}

/** The newest point of each key. */
const newestPerKey = (points: ReadonlyArray<SavedPoint>, keys: ReadonlySet<string>): ReadonlyMap<string, Latest> => {
  const newest = new Map<string, Latest>()
  for (const { key, ts, value } of points) {
    if (keys.has(key) && ts >= (newest.get(key)?.ts ?? ts)) newest.set(key, { ts, value: printText(value) })
  }
  return newest
}

/** The query and `latestCmd` can come in one command, or in two commands with the same `cmdId`. */
export class EntityDataFeed {
  private rows: ReadonlyMap<string, Row> = new Map()
  private subscribedKeys: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  /** Set for a dynamic query, which runs again on `refresh`. */
  private dynamicQuery: { readonly query: EntityQuery; readonly keys: ReadonlyArray<QueryKey> } | undefined

  constructor(
    private readonly subscriber: Subscriber,
    private readonly cmdId: number
  ) {}

  handle(command: Command) {
    const keys = readLatestKeys(command)
    if (command.query !== undefined) this.startQuery(command, command.query, keys)
    else if (keys !== undefined) this.addMissingKeys(keys)
    if (keys === undefined) return
    this.subscribedKeys = new Map(
      [...Map.groupBy(keys, ({ type }) => type)].map(([type, typeKeys]) => [type, new Set(typeKeys.map(({ key }) => key))])
    )
  }

  private startQuery(command: Command, query: EntityQuery, subscribedKeys: ReadonlyArray<QueryKey> | undefined) {
    if (subscribedKeys !== undefined && arrayOf(objectOf(command.json, "query"), "latestValues") === undefined) {
      throw new CommandError(
        errorCodes.internal,
        `Cannot invoke "java.util.List.contains(Object)" because the return value of "org.thingsboard.server.common.data.query.EntityDataQuery.getLatestValues()" is null`
      )
    }
    const keys = [...query.latestValues, ...query.entityFields, ...(subscribedKeys ?? [])]
    this.subscribedKeys = new Map()
    this.dynamicQuery = isDynamic(command) ? { query, keys } : undefined
    this.sendPage(query, keys)
  }

  /** Sends the page again if the query finds other entities than before. */
  refresh() {
    if (this.dynamicQuery === undefined) return
    const { keys, query } = this.dynamicQuery
    const { store, user } = this.subscriber
    const { rows } = findEntities(store, user, query)
    if (rows.length !== this.rows.size || rows.some(({ id }) => !this.rows.has(id))) this.sendPage(query, keys)
  }

  private sendPage(query: EntityQuery, keys: ReadonlyArray<QueryKey>) {
    const { store, user } = this.subscriber
    const { rows, total } = findEntities(store, user, query)
    this.rows = new Map(rows.map((entity) => [entity.id, { entity, latest: {} }]))
    for (const row of this.rows.values()) this.fill(row, keys)
    const data = [...this.rows.values()].map(({ entity, latest }) => entityDataJson(entity, latest, "{}"))
    this.subscriber.send(entityDataUpdate(this.cmdId, { data: page(data, total, query) }))
  }

  /** Sends all values again if `latestCmd` has keys that the query did not have. */
  private addMissingKeys(keys: ReadonlyArray<QueryKey>) {
    const rows = [...this.rows.values()]
    const isComplete = rows.every(({ latest }) => keys.every(({ key, type }) => latest[type]?.[key] !== undefined))
    if (isComplete) return
    for (const row of rows) this.fill(row, keys)
    const update = arrayJson(rows.map(({ entity, latest }) => entityDataJson(entity, latest, "{}")))
    this.subscriber.send(entityDataUpdate(this.cmdId, { update }))
  }

  private fill({ entity, latest }: Row, keys: ReadonlyArray<QueryKey>) {
    const { now, store } = this.subscriber
    for (const key of keys) (latest[key.type] ??= {})[key.key] = readLatest(store, entity, key, now())
  }

  /** Sends changed values, one message per key type, and skips values older than the last one sent. */
  readonly notify = (event: SavedEvent): void => {
    const row = this.rows.get(event.entityId)
    if (row === undefined) return
    for (const [type, keys] of this.subscribedKeys) {
      const sent = (row.latest[type] ??= {})
      const changed = [...newestPerKey(pointsOfType(event, type), keys)].filter(([key, { ts, value }]) => {
        const last = sent[key]
        return last === undefined || ts > last.ts || (ts === last.ts && value !== last.value)
      })
      if (changed.length === 0) continue
      for (const [key, latest] of changed) sent[key] = latest
      const update = arrayJson([entityDataJson(row.entity, { [type]: Object.fromEntries(changed) }, "null")])
      this.subscriber.send(entityDataUpdate(this.cmdId, { update }))
    }
  }
}
