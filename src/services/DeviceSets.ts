/** Devices by ids or by type, with their latest values when wanted, in a call for a thousand of them. */
import { Effect, Option, Stream } from "effect"
import type { EntityData, EntityFilter } from "../thingsboard/api/EntityQueries.ts"
import type { ThingsBoardShape } from "../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"

/** One of the two is there. */
export interface Selection {
  readonly device_ids?: ReadonlyArray<string>
  readonly device_type?: string
}

export interface DeviceFound {
  readonly id: string
  readonly name: string
  /** By key. All values are text; without a point `{ts: 0, value: ""}`. */
  readonly latest: Readonly<Record<string, { readonly ts: number; readonly value: string }>>
}

const devicesACall = 1000
/** ThingsBoard joins a table a key. */
const keysACall = 25

const inChunks = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))

const filtersOf = ({ device_ids, device_type }: Selection): ReadonlyArray<typeof EntityFilter.Type> =>
  device_ids === undefined
    ? [{ type: "deviceType", deviceTypes: [device_type ?? ""], deviceNameFilter: "" }]
    : inChunks([...new Set(device_ids.map((id) => id.toLowerCase()))], devicesACall).map((entityList) => ({
        type: "entityList",
        entityType: "DEVICE",
        entityList
      }))

const foundOf = ({ entityId, latest }: typeof EntityData.Type): DeviceFound => ({
  id: entityId.id,
  name: latest["ENTITY_FIELD"]?.["name"]?.value ?? "",
  latest: latest["TIME_SERIES"] ?? {}
})

/**
 * The devices of a selection that may be seen: ThingsBoard leaves out all others. Each comes once, or once for each 25 keys.
 * Sorted by the time of their making, since ThingsBoard's pages may repeat or skip what is not sorted.
 */
export const findDevices = (
  thingsBoard: ThingsBoardShape,
  selection: Selection,
  keys: ReadonlyArray<string> = []
): Effect.Effect<ReadonlyArray<DeviceFound>, ThingsBoardError> => {
  const page = (entityFilter: typeof EntityFilter.Type, latest: ReadonlyArray<string>, number: number) =>
    thingsBoard.call((client) =>
      client.entityQueries.findEntities({
        payload: {
          entityFilter,
          entityFields: [{ type: "ENTITY_FIELD", key: "name" }],
          latestValues: latest.map((key) => ({ type: "TIME_SERIES", key })),
          keyFilters: [],
          pageLink: {
            pageSize: devicesACall,
            page: number,
            textSearch: null,
            sortOrder: { key: { type: "ENTITY_FIELD", key: "createdTime" }, direction: "ASC" }
          }
        }
      })
    )
  const calls = filtersOf(selection).flatMap((filter) =>
    (keys.length === 0 ? [[]] : inChunks(keys, keysACall)).map((latest) => ({ filter, latest }))
  )
  return Stream.fromIterable(calls).pipe(
    Stream.flatMap(({ filter, latest }) =>
      Stream.paginate(0, (number) =>
        Effect.map(page(filter, latest, number), ({ data, hasNext }) => [
          data.map(foundOf),
          hasNext ? Option.some(number + 1) : Option.none()
        ])
      )
    ),
    Stream.runCollect
  )
}

/** Devices whose names are looked up at the most. */
const mostNames = 100_000

/** The ids of all devices that may be seen, by name: names are unique in a tenant. A call for a thousand devices. */
export const deviceNames = (thingsBoard: ThingsBoardShape): Effect.Effect<ReadonlyMap<string, string>, ThingsBoardError> => {
  const page = (number: number) =>
    thingsBoard.call((client) =>
      client.entityQueries.findEntities({
        payload: {
          entityFilter: { type: "entityType", entityType: "DEVICE" },
          entityFields: [{ type: "ENTITY_FIELD", key: "name" }],
          latestValues: [],
          keyFilters: [],
          pageLink: {
            pageSize: devicesACall,
            page: number,
            textSearch: null,
            sortOrder: { key: { type: "ENTITY_FIELD", key: "createdTime" }, direction: "ASC" }
          }
        }
      })
    )
  return Stream.paginate(0, (number) =>
    Effect.map(page(number), ({ data, hasNext }) => [
      data.map(foundOf),
      hasNext && (number + 1) * devicesACall < mostNames ? Option.some(number + 1) : Option.none()
    ])
  ).pipe(
    Stream.runCollect,
    Effect.map((found) => new Map(found.map(({ id, name }) => [name, id])))
  )
}
