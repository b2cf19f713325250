/** What a restricted caller may see of many devices at once. The calls depend on what is asked, never on what is hidden. */
import { Effect, Option, Stream } from "effect"
import type { Device } from "../../thingsboard/api/Entities.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { maxEntitiesPerCall, entityPages } from "../../thingsboard/EntityQuery.ts"
import { inChunks } from "../../thingsboard/inChunks.ts"
import type { Visibility } from "../../domain/Visibility.ts"

/** Ids in a URL: 40 bytes each, and a server takes 8 kB of headers by default. */
export const maxIdsPerPath = 100

/** What lists are searched, filtered and sorted by. */
export interface DeviceFields {
  readonly id: string
  readonly name: string
  readonly type: string
  readonly label: string
  /** Epoch ms. */
  readonly createdTime: number
}

const fields = ["name", "type", "label", "createdTime"] as const

/** The ids, in lower case, of those devices that the restriction does not hide. One named by the restriction itself need not exist. */
export const visibleAmongIds = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlySet<string>, ThingsBoardError> => {
  const asked = [...new Set(ids.map((id) => id.toLowerCase()))]
  const named = asked.filter((id) => visibility.ids.has(id))
  if (visibility.byIdsOnly) return Effect.succeed(new Set(named))
  const others = asked.filter((id) => !visibility.ids.has(id))
  return Effect.map(
    Effect.forEach(
      inChunks(others, maxIdsPerPath),
      (chunk) => thingsBoard.call((client) => client.devices.devicesByIds({ query: { deviceIds: chunk.join(",") } })),
      { concurrency: 4 }
    ),
    (found) => {
      const shown = found.flat().filter(({ customerId, id, type }) => visibility.allows({ id: id.id, type, customerId: customerId.id }))
      return new Set([...named, ...shown.map(({ id }) => id.id)])
    }
  )
}

const byQuery = (thingsBoard: ThingsBoardShape, { ids, types }: Visibility) => {
  const lists = inChunks([...ids], maxEntitiesPerCall).map((entityList) => ({
    type: "entityList" as const,
    entityType: "DEVICE",
    entityList
  }))
  const kinds = types.size === 0 ? [] : [{ type: "deviceType" as const, deviceTypes: [...types], deviceNameFilter: "" }]
  return Stream.fromIterable([...lists, ...kinds]).pipe(
    Stream.flatMap((filter) => entityPages(thingsBoard, filter, { fields })),
    Stream.map(({ entityId, latest }): DeviceFields => {
      const field = (name: (typeof fields)[number]) => latest["ENTITY_FIELD"]?.[name]?.value ?? ""
      return { id: entityId.id, name: field("name"), type: field("type"), label: field("label"), createdTime: Number(field("createdTime")) }
    })
  )
}

const rowOf = ({ createdTime, id, label, name, type }: typeof Device.Type): DeviceFields => ({
  id: id.id,
  name,
  type,
  label: label ?? "",
  createdTime
})

const ofCustomer = (thingsBoard: ThingsBoardShape, customerId: string) =>
  Stream.paginate(0, (page) =>
    thingsBoard
      .call((client) =>
        client.devices.customerDevices({
          params: { customerId },
          query: { pageSize: maxEntitiesPerCall, page, sortProperty: "createdTime", sortOrder: "ASC" }
        })
      )
      .pipe(
        Effect.map(({ data, hasNext }) => [data.map(rowOf), hasNext ? Option.some(page + 1) : Option.none<number>()] as const),
        orIfNotFound([[], Option.none<number>()] as const)
      )
  )

/** A customer that does not exist, or that the gateway's user may not see, has no devices. */
export const orIfNotFound =
  <B>(none: B) =>
  <A>(read: Effect.Effect<A, ThingsBoardError>): Effect.Effect<A | B, ThingsBoardError> =>
    Effect.catchIf(
      read,
      ({ reason }) => reason._tag === "NotFound" || reason._tag === "Forbidden",
      () => Effect.succeed(none)
    )

/** All devices of the restriction, each once. */
export const listVisibleDevices = (
  thingsBoard: ThingsBoardShape,
  visibility: Visibility
): Effect.Effect<ReadonlyArray<DeviceFields>, ThingsBoardError> =>
  Stream.concat(
    byQuery(thingsBoard, visibility),
    visibility.customer === undefined ? Stream.empty : ofCustomer(thingsBoard, visibility.customer)
  ).pipe(
    Stream.runCollect,
    Effect.map((rows) => [...new Map(rows.map((row) => [row.id, row])).values()])
  )

type Values = Readonly<Record<string, { readonly ts: number; readonly value: string }>>

/** ThingsBoard keeps it as an attribute, or where it is so configured as telemetry; telemetry of that name may as well be the device's own. */
const isActive = ({ SERVER_ATTRIBUTE: attributes, TIME_SERIES: series }: Readonly<Record<string, Values>>) => {
  const attribute = attributes?.["active"]
  const told = attribute === undefined || attribute.value === "" ? series?.["active"] : attribute
  return told?.value === "true"
}

/** Which of the devices are connected. */
export const filterActive = (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlySet<string>, ThingsBoardError> =>
  Stream.fromIterable(inChunks(ids, maxEntitiesPerCall)).pipe(
    Stream.flatMap((entityList) =>
      entityPages(
        thingsBoard,
        { type: "entityList", entityType: "DEVICE", entityList },
        { fields: [], attributes: ["active"], latest: ["active"] }
      )
    ),
    Stream.filter(({ latest }) => isActive(latest)),
    Stream.runCollect,
    Effect.map((found) => new Set(found.map(({ entityId }) => entityId.id)))
  )
