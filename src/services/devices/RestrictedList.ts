/**
 * Device and asset lists for a restricted caller. ThingsBoard has pages of the devices of some types or of one customer. For any other restriction,
 * all visible devices are collected, and filtered, sorted and paged here. The devices themselves stay the bytes that ThingsBoard sent.
 */
import { Effect, Stream } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { listAssetProfiles } from "../../thingsboard/requests/assets.ts"
import { orIfNotFound } from "../../thingsboard/errors/orIfNotFound.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { assetsById, canReadPage, pageOfTypes } from "../../thingsboard/requests/deviceQueries.ts"
import {
  allProfiles,
  type DeviceFields,
  listCustomerDevices,
  listDeviceProfiles,
  type Profile,
  readAssets,
  readDevices,
  readDevicesWithActive
} from "../../thingsboard/requests/devices.ts"
import { requireEach } from "../../thingsboard/responses/requireEach.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import type { Gather, Gathered } from "./gatherDevices.ts"

const [opening, comma, closing] = ["[", ",", "]"].map((character) => Buffer.from(character)) as [Buffer, Buffer, Buffer]

const arrayOf = (elements: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([opening, ...elements.flatMap((element, i) => (i === 0 ? [element] : [comma, element])), closing])

const pageOf = (elements: ReadonlyArray<Uint8Array>, totalElements: number, { page, pageSize }: ListQuery): BytesPage => {
  const totalPages = Math.ceil(totalElements / pageSize)
  return { items: arrayOf(elements), totalElements, totalPages, hasNext: page + 1 < totalPages }
}

const emptyPage = pageOf([], 0, { page: 0, pageSize: 1 })

const compare = <A extends string | number>(a: A, b: A) => (a < b ? -1 : a > b ? 1 : 0)

type Comparison = (a: DeviceFields, b: DeviceFields) => number

const comparisons: Record<string, Comparison> = {
  name: (a, b) => compare(a.name, b.name),
  type: (a, b) => compare(a.type, b.type),
  // As in ThingsBoard's database, devices without a label come last, or first in descending order.
  label: (a, b) => compare(Number(a.label === ""), Number(b.label === "")) || compare(a.label, b.label),
  created_time: (a, b) => compare(a.createdTime, b.createdTime)
}

/** Without a requested order, by id, as ThingsBoard does; ids also decide among equals. */
const comparisonFor = ({ order, sort }: ListQuery): Comparison => {
  const first = sort === undefined && order === undefined ? undefined : comparisons[sort ?? "created_time"]
  const sign = order === "DESC" ? -1 : 1
  return (a, b) => sign * (first?.(a, b) ?? 0) || compare(a.id, b.id)
}

const matcherFor = ({ active, textSearch: search, type }: ListQuery) => {
  const searched = search?.toLowerCase() ?? ""
  const containsText = (text: string) => text.toLowerCase().includes(searched)
  return (device: DeviceFields) =>
    (type === undefined || device.type === type) &&
    // When ThingsBoard filters by `active`, it also searches the types.
    (containsText(device.name) || containsText(device.label) || (active !== undefined && containsText(device.type)))
}

/** The ids of a page of the entities found, in the requested order. */
const idsOfPage = (found: ReadonlyArray<DeviceFields>, query: ListQuery) => {
  const from = query.page * query.pageSize
  return found
    .toSorted(comparisonFor(query))
    .slice(from, from + query.pageSize)
    .map(({ id }) => id)
}

const collectPage = Effect.fnUntraced(function* (thingsBoard: ThingsBoardShape, gathered: Gathered, query: ListQuery) {
  const matching = gathered.devices.filter(matcherFor(query))
  const { active } = query
  const connected = active === undefined ? undefined : yield* gathered.connected
  const found = connected === undefined ? matching : matching.filter(({ id }) => connected.has(id) === active)
  const ids = idsOfPage(found, query)
  const devices = active === undefined ? readDevices(thingsBoard, ids) : readDevicesWithActive(thingsBoard, ids, active)
  return pageOf(yield* devices, found.length, query)
})

/**
 * How ThingsBoard sorts a page of the devices of several types exactly as they are sorted here; undefined if it does not. It does so by an
 * entity query, which differs: it searches all of its columns, sorts text by the collation of its database, and in descending order reverses
 * the order of equals as well.
 */
const sortOfTypes = ({ active, order, sort, textSearch }: ListQuery) => {
  if (active !== undefined || textSearch !== undefined || order === "DESC") return undefined
  if (sort === undefined && order === undefined) return "id"
  return (sort ?? "created_time") === "created_time" ? "created_time" : undefined
}

/** A page of the devices that the restriction allows. `listAll` returns a page of all devices of the gateway's user. */
export const listRestricted = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  query: ListQuery,
  gather: Gather,
  listAll: (query: ListQuery) => Effect.Effect<BytesPage, ThingsBoardError>
): Effect.Effect<BytesPage, ThingsBoardError> => {
  const checked = Effect.flatMap((page: BytesPage) => requireEach(page, (device) => visibility.allows(device)))
  if (visibility.byTypesOnly) {
    const [onlyType] = visibility.types.size === 1 ? visibility.types : []
    const type = query.type ?? onlyType
    if (type !== undefined) return visibility.types.has(type) ? checked(listAll({ ...query, type })) : Effect.succeed(emptyPage)
    const sort = sortOfTypes(query)
    if (sort !== undefined && canReadPage(query)) {
      return Effect.flatMap(pageOfTypes(thingsBoard, visibility.types, sort, query), ({ ids, total }) =>
        Effect.map(readDevices(thingsBoard, ids), (devices) => pageOf(devices, total, query))
      )
    }
  }
  if (visibility.byCustomerOnly && visibility.customer !== undefined) {
    return orIfNotFound(emptyPage)(checked(listCustomerDevices(thingsBoard, visibility.customer, query)))
  }
  return Effect.flatMap(gather(visibility, query.page), (gathered) => collectPage(thingsBoard, gathered, query))
}

const pageOfProfiles = (profiles: ReadonlyArray<Profile>, names: ReadonlySet<string>, query: ListQuery) => {
  const found = profiles.filter(({ name }) => names.has(name)).map(({ json }) => json)
  const from = query.page * query.pageSize
  return pageOf(found.slice(from, from + query.pageSize), found.length, query)
}

/** The types of the visible devices, and all types that the restriction names, even if there are no devices of the type. */
export const listRestrictedTypes = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  query: ListQuery,
  gather: Gather
) {
  const devices = visibility.byTypesOnly ? [] : (yield* gather(visibility, query.page)).devices
  const names = new Set([...visibility.types, ...devices.map(({ type }) => type)])
  return pageOfProfiles(yield* allProfiles(listDeviceProfiles, thingsBoard, query), names, query)
})

const fieldsOfAssets = (thingsBoard: ThingsBoardShape, ids: ReadonlySet<string>) => Stream.runCollect(assetsById(thingsBoard, ids))

/** A page of the assets with these ids. */
export const listRestrictedAssets = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlySet<string>,
  query: ListQuery
) {
  const matches = matcherFor(query)
  const found = (yield* fieldsOfAssets(thingsBoard, ids)).filter((asset) => ids.has(asset.id) && matches(asset))
  return pageOf(yield* readAssets(thingsBoard, idsOfPage(found, query)), found.length, query)
})

/** The types of the assets with these ids. */
export const listRestrictedAssetTypes = Effect.fnUntraced(function* (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlySet<string>,
  query: ListQuery
) {
  const names = new Set((yield* fieldsOfAssets(thingsBoard, ids)).map(({ type }) => type))
  return pageOfProfiles(yield* allProfiles(listAssetProfiles, thingsBoard, query), names, query)
})
