/** Prints the server's messages. All values are text, as in ThingsBoard. */
import type { Latest } from "../queries/entityQuery.ts"
import { entityIdJson } from "../http/entityJson.ts"
import type { Entity } from "../store/Directory.ts"
import { printText, type Value } from "../values/Value.ts"

/** The value is null for a key without a value. */
export interface LivePoint {
  readonly key: string
  /** ms */
  readonly ts: number
  readonly value: Value | null
}

export const errorCodes = { internal: 1, badRequest: 2 } as const

/** Points grouped by key; keys are sorted, and each key's newest point comes first. */
const groupByKey = (points: ReadonlyArray<LivePoint>): ReadonlyArray<readonly [key: string, points: ReadonlyArray<LivePoint>]> => {
  const groups = Map.groupBy(points, ({ key }) => key)
  return [...groups]
    .map(([key, group]) => [key, group.toSorted((one, other) => other.ts - one.ts)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1))
}

/** The time of each key's oldest point. ThingsBoard sends these as `latestValues`. */
export const oldestTimestamps = (points: ReadonlyArray<LivePoint>): Readonly<Record<string, number>> =>
  Object.fromEntries(groupByKey(points).map(([key, group]) => [key, group.at(-1)!.ts]))

export const telemetryUpdate = (cmdId: number, points: ReadonlyArray<LivePoint>): string => {
  const data = groupByKey(points).map(([key, group]): [string, ReadonlyArray<readonly [number, string | null]>] => [
    key,
    group.map(({ ts, value }) => [ts, value === null ? null : printText(value)])
  ])
  return JSON.stringify({
    subscriptionId: cmdId,
    errorCode: 0,
    errorMsg: null,
    data: Object.fromEntries(data),
    latestValues: oldestTimestamps(points)
  })
}

export const errorUpdate = (cmdId: number, errorCode: number, errorMsg: string): string =>
  JSON.stringify({ subscriptionId: cmdId, errorCode, errorMsg, data: null, latestValues: {} })

export type LatestByType = Readonly<Record<string, Readonly<Record<string, Latest>>>>

/** One entity of a response (`series` is `{}`) or of an update (`null`). */
export const entityDataJson = (entity: Pick<Entity, "type" | "id">, latest: LatestByType, series: "{}" | "null") =>
  `{"entityId":${entityIdJson(entity.type, entity.id)},"latest":${JSON.stringify(latest)},"timeseries":${series},"aggLatest":${series}}`

export const entityDataUpdate = (cmdId: number, content: { readonly data: string } | { readonly update: string }): string => {
  const [data, update] = "data" in content ? [content.data, "null"] : ["null", content.update]
  return `{"cmdId":${cmdId},"data":${data},"update":${update},"errorCode":0,"errorMsg":null,"allowedEntities":10000,"cmdUpdateType":"ENTITY_DATA"}`
}

export const countUpdate = (cmdId: number, count: number): string =>
  JSON.stringify({ cmdId, errorCode: 0, errorMsg: null, count, cmdUpdateType: "COUNT_DATA" })
