/**
 * Lists of a restricted caller. ThingsBoard pages devices of one type or of one customer; what any other restriction shows is
 * gathered, and paged here. The devices themselves stay the bytes that ThingsBoard sent.
 */
import { Effect, Option, Schema } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import { scanArray, valueOf } from "../../thingsboard/responses/ArrayScanner.ts"
import { scanEntity } from "../../thingsboard/responses/ObjectScanner.ts"
import { scanPage } from "../../thingsboard/responses/PageScanner.ts"
import { deviceInfoPath } from "../../thingsboard/Paths.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { invalidResponse, type ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { pageParameters } from "../../thingsboard/EntityList.ts"
import { inChunks } from "../../thingsboard/inChunks.ts"
import { textSearch } from "./textSearch.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { filterActive, type DeviceFields, maxIdsPerPath, orIfNotFound, listVisibleDevices } from "../access/VisibleDevices.ts"

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

const Identified = Schema.decodeUnknownOption(Schema.Struct({ id: Schema.Struct({ id: Schema.String }) }))
const Named = Schema.decodeUnknownOption(Schema.Struct({ name: Schema.String }))

const devicesOf = (thingsBoard: ThingsBoardShape, ids: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(
      inChunks(ids, maxIdsPerPath),
      (chunk) => Effect.flatMap(thingsBoard.get(`/api/devices?deviceIds=${chunk.join(",")}`), scanArray),
      { concurrency: 4 }
    ),
    (found) => {
      const byId = new Map<string, Uint8Array>()
      for (const device of found.flat()) {
        const read = Identified(valueOf(device))
        if (read._tag === "Some") byId.set(read.value.id.id, device)
      }
      // One that was deleted meanwhile is left out.
      return ids.flatMap((id) => byId.get(id) ?? [])
    }
  )

/** With what only the infos know, such as whether a device is connected: ThingsBoard has no list of them by ids. */
const infosOf = (thingsBoard: ThingsBoardShape, ids: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(
      ids,
      (id) => Effect.flatMap(thingsBoard.get(deviceInfoPath(id)), scanEntity(id)).pipe(Effect.asSome, orIfNotFound(Option.none())),
      { concurrency: 8 }
    ),
    (found) => found.flatMap(Option.toArray)
  )

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
  return pageOf(yield* active === undefined ? devicesOf(thingsBoard, ids) : infosOf(thingsBoard, ids), found.length, query)
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
    const list = query.active === undefined ? "devices" : "deviceInfos"
    return thingsBoard
      .get(`/api/customer/${visibility.customer}/${list}${pageParameters(query)}`)
      .pipe(Effect.flatMap(scanPage), orIfNotFound(empty))
  }
  return gathered(thingsBoard, visibility, query)
}

const maxProfilesPerCall = 1000

/** The types of the devices that the restriction shows; a type that it names is there without any device, too. */
export const listRestrictedTypes = Effect.fnUntraced(function* (thingsBoard: ThingsBoardShape, visibility: Visibility, query: ListQuery) {
  const rows = visibility.byTypesOnly ? [] : yield* listVisibleDevices(thingsBoard, visibility)
  const names = new Set([...visibility.types, ...rows.map(({ type }) => type)])
  const found: Array<Uint8Array> = []
  for (let page = 0, more = true; more; page++) {
    const { hasNext, items } = yield* Effect.flatMap(
      thingsBoard.get(`/api/deviceProfileInfos${pageParameters({ ...query, page, pageSize: maxProfilesPerCall })}`),
      scanPage
    )
    for (const profile of yield* scanArray(items)) {
      const read = Named(valueOf(profile))
      if (read._tag === "None") return yield* invalidResponse()
      if (names.has(read.value.name)) found.push(profile)
    }
    more = hasNext
  }
  const from = query.page * query.pageSize
  return pageOf(found.slice(from, from + query.pageSize), found.length, query)
})
