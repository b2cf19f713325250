/**
 * What a call does: whether its response can be shared with other callers and for how long, and what a write changes. A call that is not
 * known here is never shared, and a write that is not known here is taken to change everything.
 */

/** `entities`: what entities are, such as lists, names and types. `values`: the latest values and attributes that they have. */
export type ReadLifetime = "entities" | "values"

/** What a read depends on and a write changes: the id of an entity, or one of the topics below. */
export type Topic = string

/** Queries that return values of many entities. */
const valuesOfMany: Topic = "values of many"
/** What ThingsBoard derives from server attributes: whether a device is connected. */
const infos: Topic = "infos"

export type CallKind =
  | { readonly _tag: "Read"; readonly lifetime: ReadLifetime; readonly topics: ReadonlyArray<Topic> }
  | { readonly _tag: "Write"; readonly topics: ReadonlyArray<Topic> | "all" }
  /** A read that nobody else can use: a page of a history, or one that is not known. */
  | { readonly _tag: "Unshared" }

const unshared: CallKind = { _tag: "Unshared" }
const writesAll: CallKind = { _tag: "Write", topics: "all" }
const readsEntities: CallKind = { _tag: "Read", lifetime: "entities", topics: [] }
const readsInfos: CallKind = { _tag: "Read", lifetime: "entities", topics: [infos] }
const readsValuesOfMany: CallKind = { _tag: "Read", lifetime: "values", topics: [valuesOfMany] }

const telemetry = "/api/plugins/telemetry/"

/** ThingsBoard reads by POST where the request is too large for a query string. Such calls may be sent again. */
export const readsByPost = /^\/api\/(relations|entitiesQuery\/)/

/** Devices, assets, their infos and profiles, alone and as lists. Credentials are never shared. */
const entityReads = /^\/api\/(?:device|asset|tenant\/|customer\/)(?!.*\/credentials)/
const infoReads = /^\/api\/(?:device\/info\/|(?:tenant|customer\/[^/?]+)\/deviceInfos\b)/

/** An entity query that returns or compares values of telemetry or attributes. */
const hasValues = /"(?:latestValues|keyFilters)":\s*\[\s*[^\s\]]/

/** The entity of a path of telemetry, and what follows it. */
const entityIdIn = (path: string) => {
  const id = path.split("/", 6)[5] ?? ""
  return [id.toLowerCase(), path.slice(path.indexOf(id, telemetry.length) + id.length + 1)] as const
}

const kindOfGet = (path: string): CallKind => {
  if (!path.startsWith(telemetry)) return !entityReads.test(path) ? unshared : infoReads.test(path) ? readsInfos : readsEntities
  const [id, route] = entityIdIn(path)
  if (route.startsWith("keys/timeseries")) return { _tag: "Read", lifetime: "entities", topics: [id] }
  const isLatest = route.startsWith("values/timeseries?") && !route.includes("&startTs=")
  return isLatest || route.startsWith("values/attributes") ? { _tag: "Read", lifetime: "values", topics: [id] } : unshared
}

const kindOfPost = (path: string, body: string | undefined): CallKind => {
  if (readsByPost.test(path)) return body === undefined ? unshared : hasValues.test(body) ? readsValuesOfMany : readsEntities
  if (!path.startsWith(telemetry)) return writesAll
  const [id, route] = entityIdIn(path)
  if (route.startsWith("timeseries/")) return { _tag: "Write", topics: [id, valuesOfMany] }
  return route.startsWith("attributes/") ? { _tag: "Write", topics: [id, valuesOfMany, infos] } : writesAll
}

/** `body`: the JSON of the call; undefined for one that is not text, or too long to be compared. */
export const callKind = (method: string, path: string, body: string | undefined): CallKind =>
  method === "GET" ? kindOfGet(path) : kindOfPost(path, body)
