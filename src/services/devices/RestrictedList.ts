/**
 * Lists of a restricted caller. ThingsBoard pages devices of one type or of one customer; what any other restriction shows is
 * gathered, and paged here. The devices themselves stay the bytes that ThingsBoard sent.
 */
import { Effect } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { orIfNotFound } from "../../thingsboard/errors/orIfNotFound.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { filterActive } from "../../thingsboard/requests/deviceQueries.ts"
import {
  allDeviceProfiles,
  type DeviceFields,
  listCustomerDevices,
  readDeviceInfos,
  readDevices
} from "../../thingsboard/requests/devices.ts"
import { textSearch } from "./textSearch.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { listVisibleDevices } from "../access/VisibleDevices.ts"

const [opening, comma, closing] = ["[", ",", "]"].map((sign) => Buffer.from(sign)) as [Buffer, Buffer, Buffer]

const arrayOf = (elements: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([opening, ...elements.flatMap((element, i) => (i === 0 ? [element] : [comma, element])), closing])

const pageOf = (elements: ReadonlyArray<Uint8Array>, totalElements: number, { page, pageSize }: ListQuery): BytesPage => {
  const totalPages = Math.ceil(totalElements / pageSize)
  return { items: arrayOf(elements), totalElements, totalPages, hasNext: page + 1 < totalPages }
}

const empty = pageOf([], 0, { page: 0, pageSize: 1 })

const compare = <A extends string | number>(a: A, b: A) => (a < b ? -1 : a > b ? 1 : 0)

type Comparison = (a: DeviceFields, b: DeviceFields) => number

const comparisons: Record<string, Comparison> = {
  name: (a, b) => compare(a.name, b.name),
  type: (a, b) => compare(a.type, b.type),
  // As in ThingsBoard's database, what has no label comes last, or first in descending order.
  label: (a, b) => compare(Number(a.label === ""), Number(b.label === "")) || compare(a.label, b.label),
  created_time: (a, b) => compare(a.createdTime, b.createdTime)
}

/** With no order given by id, as ThingsBoard does; ids decide among equals. */
const inOrder = ({ order, sort }: ListQuery): Comparison => {
  const first = sort === undefined && order === undefined ? undefined : comparisons[sort ?? "created_time"]
  const sign = order === "DESC" ? -1 : 1
  return (a, b) => sign * (first?.(a, b) ?? 0) || compare(a.id, b.id)
}

const fits = ({ active, textSearch: search, type }: ListQuery) => {
  const found = search === undefined ? () => true : textSearch(search)
  return (row: DeviceFields) =>
    (type === undefined || row.type === type) &&
    // Where ThingsBoard lists what is connected it looks into types, too.
    (found(row.name) || found(row.label) || (active !== undefined && found(row.type)))
}

const gathered = Effect.fnUntraced(function* (thingsBoard: ThingsBoardShape, visibility: Visibility, query: ListQuery) {
  const rows = (yield* listVisibleDevices(thingsBoard, visibility)).filter(fits(query))
  const { active } = query
  const connected =
    active === undefined
      ? undefined
      : yield* filterActive(
          thingsBoard,
          rows.map(({ id }) => id)
        )
  const found = connected === undefined ? rows : rows.filter(({ id }) => connected.has(id) === active)
  const from = query.page * query.pageSize
  const ids = found
    .toSorted(inOrder(query))
    .slice(from, from + query.pageSize)
    .map(({ id }) => id)
  return pageOf(yield* active === undefined ? readDevices(thingsBoard, ids) : readDeviceInfos(thingsBoard, ids), found.length, query)
})

/** A page of what the restriction shows. `listed` is ThingsBoard's own list of all. */
export const listRestricted = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  query: ListQuery,
  listed: (query: ListQuery) => Effect.Effect<BytesPage, ThingsBoardError>
): Effect.Effect<BytesPage, ThingsBoardError> => {
  if (visibility.byTypesOnly) {
    const [only] = visibility.types.size === 1 ? visibility.types : []
    const type = query.type ?? only
    if (type !== undefined) return visibility.types.has(type) ? listed({ ...query, type }) : Effect.succeed(empty)
  }
  if (visibility.byCustomerOnly && visibility.customer !== undefined) {
    return orIfNotFound(empty)(listCustomerDevices(thingsBoard, visibility.customer, query))
  }
  return gathered(thingsBoard, visibility, query)
}

/** The types of the devices that the restriction shows; a type that it names is there without any device, too. */
export const listRestrictedTypes = Effect.fnUntraced(function* (thingsBoard: ThingsBoardShape, visibility: Visibility, query: ListQuery) {
  const rows = visibility.byTypesOnly ? [] : yield* listVisibleDevices(thingsBoard, visibility)
  const names = new Set([...visibility.types, ...rows.map(({ type }) => type)])
  const profiles = yield* allDeviceProfiles(thingsBoard, query)
  const found = profiles.filter(({ name }) => names.has(name)).map(({ json }) => json)
  const from = query.page * query.pageSize
  return pageOf(found.slice(from, from + query.pageSize), found.length, query)
})
