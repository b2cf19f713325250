/**
 * Paths of calls whose responses are passed on as bytes. An id that is not a UUID is a bug of ours and throws, so that no input can
 * reach another of ThingsBoard's paths. Keys are encoded here.
 */
import type { AttributeScopeName } from "../domain/Attribute.ts"
import { type EntityRef, isUuid } from "../domain/Ids.ts"

const entityTypes = /^[A-Z_]+$/

const checkUuid = (id: string): string => {
  if (!isUuid(id)) throw new Error("Not a UUID, so it cannot be part of a path")
  return id
}

/** A lone surrogate cannot be encoded as UTF-8, so no key contains one: its replacement character finds nothing, as it should. */
const encodeKey = (key: string) => encodeURIComponent(key.toWellFormed())

/** ThingsBoard splits `keys=` at commas, even encoded ones. `key=` can be repeated, on all routes from 4.3.1.1. */
export const needsRepeatedKey = (keys: ReadonlyArray<string>) => keys.some((key) => key.includes(","))

export const keysParameter = (keys: ReadonlyArray<string>): string =>
  needsRepeatedKey(keys) ? keys.map((key) => `key=${encodeKey(key)}`).join("&") : `keys=${keys.map(encodeKey).join(",")}`

/**
 * Characters. ThingsBoard's Tomcat accepts 8 KiB for the request line and all headers, of which the token may take more than one; beyond
 * that it responds with status 400 and an HTML page.
 */
const maxKeysLength = 6000

/** Whether the keys fit in the path of a call. If they do not, read all keys instead. */
export const fitInPath = (keys: ReadonlyArray<string>) => keysParameter(keys).length <= maxKeysLength

/** As many of the keys from an index on as one call can name; one at least. */
export const keysOfCall = (keys: ReadonlyArray<string>, from: number, maxKeys = Number.POSITIVE_INFINITY): ReadonlyArray<string> => {
  let count = Math.min(maxKeys, keys.length - from)
  while (count > 1 && !fitInPath(keys.slice(from, from + count))) count = Math.ceil(count / 2)
  return keys.slice(from, from + count)
}

const telemetryPath = ({ entityType, id }: EntityRef) => {
  if (!entityTypes.test(entityType)) throw new Error("Not an entity type, so it cannot be part of a path")
  return `/api/plugins/telemetry/${entityType}/${checkUuid(id)}`
}
const deviceTelemetryPath = (id: string) => telemetryPath({ entityType: "DEVICE", id })

export const devicePath = (id: string) => `/api/device/${checkUuid(id)}`

export const assetPath = (id: string) => `/api/asset/${checkUuid(id)}`

/** The keys that have values. */
export const telemetryKeysPath = (deviceId: string) => `${deviceTelemetryPath(deviceId)}/keys/timeseries`

/** The latest values of all keys if `keys` is undefined. With strict data types, numbers and booleans are not sent as text. */
export const latestPath = (deviceId: string, keys: ReadonlyArray<string> | undefined) =>
  `${deviceTelemetryPath(deviceId)}/values/timeseries?${keys === undefined ? "" : `${keysParameter(keys)}&`}useStrictDataTypes=true`

export interface HistoryRequest {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  /** Epoch ms, inclusive. */
  readonly start: number
  /** Epoch ms, exclusive. */
  readonly end: number
  /** Maximum points per key; ThingsBoard's default is 100. */
  readonly limit?: number
  readonly order?: "ASC" | "DESC"
  readonly agg?: string
  /** Ms per bucket. */
  readonly interval?: number
  readonly intervalType?: "WEEK" | "WEEK_ISO" | "MONTH" | "QUARTER"
  readonly timeZone?: string
}

/** Every release so far has `values/timeseries`, which is to be removed; `values/timeseries/history` exists from 4.3.1.2. */
export type HistoryRoute = "timeseries" | "timeseries/history"

/** Always with keys, startTs and endTs: without one of them, ThingsBoard silently returns the latest values. */
export const historyPath = (
  { agg, deviceId, end, interval, intervalType, keys, limit, order, start, timeZone }: HistoryRequest,
  route: HistoryRoute = "timeseries"
) => {
  let path = `${deviceTelemetryPath(deviceId)}/values/${route}?${keysParameter(keys)}&startTs=${start}&endTs=${end}&orderBy=${order ?? "ASC"}`
  if (limit !== undefined) path += `&limit=${limit}`
  if (agg !== undefined) path += `&agg=${encodeURIComponent(agg)}`
  if (interval !== undefined) path += `&interval=${interval}`
  if (intervalType !== undefined) path += `&intervalType=${intervalType}`
  if (timeZone !== undefined) path += `&timeZone=${encodeURIComponent(timeZone)}`
  return `${path}&useStrictDataTypes=true`
}

/** ThingsBoard requires a last segment, and ignores what it says. */
export const saveTelemetryPath = (deviceId: string) => `${deviceTelemetryPath(deviceId)}/timeseries/ANY`

/** All attributes of the scope if the path cannot name the keys: too many of them, or one with a comma, which no release accepts here. */
export const attributesPath = (deviceId: string, scope: AttributeScopeName, keys?: ReadonlyArray<string>) =>
  `${deviceTelemetryPath(deviceId)}/values/attributes/${scope}${
    keys === undefined || needsRepeatedKey(keys) || !fitInPath(keys) ? "" : `?${keysParameter(keys)}`
  }`

/** ThingsBoard accepts writes in SERVER_SCOPE and SHARED_SCOPE. */
export const saveAttributesPath = (deviceId: string, scope: AttributeScopeName) => `${deviceTelemetryPath(deviceId)}/attributes/${scope}`
