/**
 * ENTITY_DATA: many entities at once, those that a query finds when it comes; entities that fit later are added only when the query's
 * `pageLink` is `dynamic`. Of the commands within it only `latestCmd` is played.
 */
import { arrayOf, objectOf } from "../http/bodies.ts"
import { arrayJson, page } from "../http/responses.ts"
import { type EntityQuery, findEntities, type Latest, type QueryKey, readKeys, readLatest } from "../queries/entityQuery.ts"
import type { SavedEvent, SavedPoint } from "../store/Events.ts"
import type { Entity } from "../store/Directory.ts"
import { printText } from "../values/Value.ts"
import type { Command } from "./commands.ts"
import { CommandError, type Subscriber } from "./Subscriber.ts"
import { entityDataJson, entityDataUpdate, errorCodes } from "./updates.ts"

interface Row {
  readonly entity: Entity
  /** What the client was told, by type and key. */
  readonly latest: Record<string, Record<string, Latest>>
}

const scopes: Readonly<Record<string, string>> = {
  CLIENT_ATTRIBUTE: "CLIENT_SCOPE",
  SHARED_ATTRIBUTE: "SHARED_SCOPE",
  SERVER_ATTRIBUTE: "SERVER_SCOPE"
}

const watchedKeys = ({ json }: Command): ReadonlyArray<QueryKey> | undefined => {
  const command = objectOf(json, "latestCmd")
  return command && readKeys(command, "keys")
}

const isDynamic = ({ json }: Command) => objectOf(objectOf(json, "query"), "pageLink")?.get("dynamic") === true

/** What an event says of keys of a type. */
const pointsOfType = (saved: SavedEvent, type: string): ReadonlyArray<SavedPoint> => {
  if (saved.type === "TelemetrySaved") return type === "TIME_SERIES" ? saved.points : []
  return type === "ATTRIBUTE" || scopes[type] === saved.scope ? saved.attributes : []
}

/** Of several points of a key only the newest counts. */
const newestPerKey = (points: ReadonlyArray<SavedPoint>, keys: ReadonlySet<string>): ReadonlyMap<string, Latest> => {
  const newest = new Map<string, Latest>()
  for (const { key, ts, value } of points) {
    if (keys.has(key) && ts >= (newest.get(key)?.ts ?? ts)) newest.set(key, { ts, value: printText(value) })
  }
  return newest
}

/** The query and what is watched may come in one command, or in two of the same `cmdId`. */
export class EntityDataFeed {
  private rows: ReadonlyMap<string, Row> = new Map()
  private watched: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  /** Only of a dynamic query: it is asked again. */
  private dynamicQuery: { readonly query: EntityQuery; readonly keys: ReadonlyArray<QueryKey> } | undefined

  constructor(
    private readonly subscriber: Subscriber,
    private readonly cmdId: number
  ) {}

  handle(command: Command) {
    const keys = watchedKeys(command)
    if (command.query !== undefined) this.startQuery(command, command.query, keys)
    else if (keys !== undefined) this.addMissingKeys(keys)
    if (keys === undefined) return
    this.watched = new Map([...Map.groupBy(keys, ({ type }) => type)].map(([type, of]) => [type, new Set(of.map(({ key }) => key))]))
  }

  private startQuery(command: Command, query: EntityQuery, watched: ReadonlyArray<QueryKey> | undefined) {
    if (watched !== undefined && arrayOf(objectOf(command.json, "query"), "latestValues") === undefined) {
      throw new CommandError(
        errorCodes.internal,
        `Cannot invoke "java.util.List.contains(Object)" because the return value of "org.thingsboard.server.common.data.query.EntityDataQuery.getLatestValues()" is null`
      )
    }
    const keys = [...query.latestValues, ...query.entityFields, ...(watched ?? [])]
    this.watched = new Map()
    this.dynamicQuery = isDynamic(command) ? { query, keys } : undefined
    this.sendPage(query, keys)
  }

  /** Tells everything once more when other entities than before are found. */
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

  /** Tells everything once more when keys are to be watched that the query did not name. */
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

  /** Sends the keys that changed, each type's in a message of its own; what is older than what was told is held back. */
  readonly notify = (saved: SavedEvent): void => {
    const row = this.rows.get(saved.entityId)
    if (row === undefined) return
    for (const [type, keys] of this.watched) {
      const sent = (row.latest[type] ??= {})
      const changed = [...newestPerKey(pointsOfType(saved, type), keys)].filter(([key, { ts, value }]) => {
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
