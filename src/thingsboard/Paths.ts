/**
 * Paths of the calls that are only passed on, made of checked parts: an id that is no UUID is a bug of ours and throws, so that no
 * input can reach another path of ThingsBoard's. Keys are encoded here.
 */
import type { AttributeScopeName } from "../domain/Attribute.ts"
import { type EntityRef, isUuid } from "../domain/Ids.ts"

const entityTypes = /^[A-Z_]+$/

const checked = (id: string): string => {
  if (!isUuid(id)) throw new Error("An id that is no UUID was to go into a path")
  return id
}

/** A lone surrogate has no UTF-8, so no key can have it: what is sent instead finds nothing, as it should. */
const encoded = (key: string) => encodeURIComponent(key.toWellFormed())

/** ThingsBoard splits `keys=` at commas, however they are encoded; `key=` may be repeated, from 4.3.1.1 on all routes. */
export const needsRepeatedKey = (keys: ReadonlyArray<string>) => keys.some((key) => key.includes(","))

export const keysParameter = (keys: ReadonlyArray<string>): string =>
  needsRepeatedKey(keys) ? keys.map((key) => `key=${encoded(key)}`).join("&") : `keys=${keys.map(encoded).join(",")}`

/**
 * ThingsBoard's Tomcat takes 8 KiB for the first line and all headers, of which the token may have more than one; beyond, it answers 400
 * with a page.
 */
const maxKeysLength = 6000

/** Whether a path can name so many keys. Where it cannot, ask for all of them. */
export const fitInPath = (keys: ReadonlyArray<string>) => keysParameter(keys).length <= maxKeysLength

const telemetryOf = ({ entityType, id }: EntityRef) => {
  if (!entityTypes.test(entityType)) throw new Error("Not a type of ThingsBoard's was to go into a path")
  return `/api/plugins/telemetry/${entityType}/${checked(id)}`
}
const ofDevice = (id: string) => telemetryOf({ entityType: "DEVICE", id })

export const devicePath = (id: string) => `/api/device/${checked(id)}`

/** The device with its profile's name, its customer's title, and whether it is connected. */
export const deviceInfoPath = (id: string) => `/api/device/info/${checked(id)}`

export const assetPath = (id: string) => `/api/asset/${checked(id)}`

/** Keys that hold values. */
export const telemetryKeysPath = (deviceId: string) => `${ofDevice(deviceId)}/keys/timeseries`

/** Without keys the latest values of all. Strict types: numbers and booleans as such, not as text. */
export const latestPath = (deviceId: string, keys: ReadonlyArray<string> | undefined) =>
  `${ofDevice(deviceId)}/values/timeseries?${keys === undefined ? "" : `${keysParameter(keys)}&`}useStrictDataTypes=true`

export interface HistoryRequest {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  /** Epoch ms; in the range. */
  readonly start: number
  /** Epoch ms; not in the range. */
  readonly end: number
  /** Points a key; 100 when not given. */
  readonly limit?: number
  readonly order?: "ASC" | "DESC"
  readonly agg?: string
  /** Ms a bucket. */
  readonly interval?: number
  readonly intervalType?: "WEEK" | "WEEK_ISO" | "MONTH" | "QUARTER"
  readonly timeZone?: string
}

/** `values/timeseries` is there from the first version on, `values/timeseries/history` from 4.3.1.2; the former is to go. */
export type HistoryRoute = "timeseries" | "timeseries/history"

/** All of keys, startTs and endTs are there, else ThingsBoard would silently read the latest values. */
export const historyPath = (
  { agg, deviceId, end, interval, intervalType, keys, limit, order, start, timeZone }: HistoryRequest,
  route: HistoryRoute = "timeseries"
) => {
  let path = `${ofDevice(deviceId)}/values/${route}?${keysParameter(keys)}&startTs=${start}&endTs=${end}&orderBy=${order ?? "ASC"}`
  if (limit !== undefined) path += `&limit=${limit}`
  if (agg !== undefined) path += `&agg=${encodeURIComponent(agg)}`
  if (interval !== undefined) path += `&interval=${interval}`
  if (intervalType !== undefined) path += `&intervalType=${intervalType}`
  if (timeZone !== undefined) path += `&timeZone=${encodeURIComponent(timeZone)}`
  return `${path}&useStrictDataTypes=true`
}

/** The last word is for ThingsBoard's own use; any will do. */
export const saveTelemetryPath = (deviceId: string) => `${ofDevice(deviceId)}/timeseries/ANY`

/** All attributes when the keys cannot be named: those with commas in no version, and not too many. */
export const attributesPath = (deviceId: string, scope: AttributeScopeName, keys?: ReadonlyArray<string>) =>
  `${ofDevice(deviceId)}/values/attributes/${scope}${
    keys === undefined || needsRepeatedKey(keys) || !fitInPath(keys) ? "" : `?${keysParameter(keys)}`
  }`

/** ThingsBoard takes SERVER_SCOPE and SHARED_SCOPE. */
export const saveAttributesPath = (deviceId: string, scope: AttributeScopeName) => `${ofDevice(deviceId)}/attributes/${scope}`
