/** The devices of the fake tenant, with ThingsBoard CE 4.1's fields in the same order. Pages are rendered once and cached. */
import { firstTs } from "./series.ts"

export const tenantId = "0b5a2a70-1111-11ee-8888-000000000001"
const noCustomer = "13814000-1dd2-11b2-8080-808080808080"
const types = ["TemperatureSensor", "Gateway", "default"]
const utf8 = new TextEncoder()

const hex = (number: number, width: number) => number.toString(16).padStart(width, "0")
const firstId = 0x1000_0000
export const deviceId = (index: number) => `${hex(firstId + index, 8)}-1111-11ee-8888-${hex(index + 1, 12)}`
/** The index of the device with this id; undefined when there is none. */
export const deviceIndex = (id: string, devices: number): number | undefined => {
  const index = Number.parseInt(id.slice(0, 8), 16) - firstId
  return index >= 0 && index < devices && deviceId(index) === id.toLowerCase() ? index : undefined
}
export const deviceName = (index: number) => `Device ${String(index).padStart(5, "0")}`
export const deviceType = (index: number) => types[index % types.length]!

const versionMark = `"version":`
const firstVersion = 1_000_000

export const device = (index: number, info = false): string =>
  `{"id":{"entityType":"DEVICE","id":"${deviceId(index)}"},"createdTime":${firstTs + index},"tenantId":{"entityType":"TENANT","id":"${tenantId}"},` +
  `"customerId":{"entityType":"CUSTOMER","id":"${noCustomer}"},"name":"${deviceName(index)}","type":"${deviceType(index)}","label":"Room ${index % 40}",` +
  `"deviceProfileId":{"entityType":"DEVICE_PROFILE","id":"20000000-1111-11ee-8888-00000000000${index % types.length}"},` +
  `"firmwareId":null,"softwareId":null,"externalId":null,${versionMark}${firstVersion},` +
  (info ? `"customerTitle":null,"customerIsPublic":false,"deviceProfileName":"${deviceType(index)}","active":true,` : "") +
  `"additionalInfo":{"gateway":false,"overwriteActivityTime":false,"description":"Sensor number ${index}"},` +
  `"deviceData":{"configuration":{"type":"DEFAULT"},"transportConfiguration":{"type":"DEFAULT"}}}`

export interface DevicePage {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The offsets of the seven digits of each device's version. */
  readonly versions: ReadonlyArray<number>
}

export const devicePage = (query: URLSearchParams, devices: number, info: boolean): DevicePage | undefined => {
  const [page, size] = [Number(query.get("page") ?? Number.NaN), Number(query.get("pageSize") ?? Number.NaN)]
  if (!Number.isInteger(page) || !Number.isInteger(size) || page < 0 || size < 1) return undefined
  const [text, type] = [query.get("textSearch")?.toLowerCase() ?? "", query.get("type")]
  const found = Array.from({ length: devices }, (_, index) => index).filter(
    (index) => (type === null || deviceType(index) === type) && deviceName(index).toLowerCase().includes(text)
  )
  const pages = Math.ceil(found.length / size)
  const data = found.slice(page * size, (page + 1) * size).map((index) => device(index, info))
  const body = `{"data":[${data.join(",")}],"totalPages":${pages},"totalElements":${found.length},"hasNext":${page + 1 < pages}}`
  const versions = [...body.matchAll(new RegExp(versionMark, "g"))].map((match) => match.index + versionMark.length)
  return { bytes: utf8.encode(body), versions }
}

/** The page with a different version on every device, so that no two responses have the same bytes. */
export const varyPage = (page: DevicePage, tick: number): Uint8Array<ArrayBuffer> => {
  const bytes = page.bytes.slice()
  const digits = utf8.encode(String(firstVersion + (tick % (9 * firstVersion))))
  for (const at of page.versions) bytes.set(digits, at)
  return bytes
}

interface EntityQuery {
  readonly entityFilter: {
    readonly type: string
    readonly entityList?: ReadonlyArray<string>
    readonly deviceTypes?: ReadonlyArray<string>
    readonly deviceType?: string
    readonly singleEntity?: { readonly id: string }
  }
  readonly entityFields?: ReadonlyArray<{ readonly key: string }>
  readonly latestValues?: ReadonlyArray<{ readonly type: string; readonly key: string }>
  readonly pageLink?: { readonly pageSize: number; readonly page: number }
}

const entityField = (name: string, index: number) =>
  name === "name" ? deviceName(index) : name === "type" ? deviceType(index) : name === "createdTime" ? String(firstTs + index) : ""

const findMatching = ({ entityFilter: filter }: EntityQuery, devices: number): ReadonlyArray<number> => {
  const listed = filter.entityList ?? (filter.singleEntity === undefined ? undefined : [filter.singleEntity.id])
  if (listed !== undefined) return listed.flatMap((id) => deviceIndex(id, devices) ?? [])
  const types = filter.deviceTypes ?? (filter.deviceType === undefined ? undefined : [filter.deviceType])
  return Array.from({ length: devices }, (_, index) => index).filter((index) => types?.includes(deviceType(index)) ?? true)
}

export const countEntities = (query: EntityQuery, devices: number): number => findMatching(query, devices).length

/** `POST /api/entitiesQuery/find`: every value is a string, and an entity field has the time of the response. */
export const findEntities = (query: EntityQuery, devices: number, latest: (key: string) => { ts: number; value: string }) => {
  const found = findMatching(query, devices)
  const { page, pageSize } = query.pageLink ?? { page: 0, pageSize: found.length }
  const pages = Math.ceil(found.length / pageSize)
  const now = Date.now()
  const data = found.slice(page * pageSize, (page + 1) * pageSize).map((index) => {
    const values: Record<string, Record<string, { ts: number; value: string }>> = { ENTITY_FIELD: {} }
    for (const { key } of query.entityFields ?? []) values["ENTITY_FIELD"]![key] = { ts: now, value: entityField(key, index) }
    for (const { type, key } of query.latestValues ?? []) (values[type] ??= {})[key] = latest(key)
    return { entityId: { entityType: "DEVICE", id: deviceId(index) }, latest: values, timeseries: {}, aggLatest: {} }
  })
  return { data, totalPages: pages, totalElements: found.length, hasNext: page + 1 < pages }
}
