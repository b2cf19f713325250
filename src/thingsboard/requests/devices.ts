/** Devices and device profiles, one by one, as lists, and by their ids. */
import { Array, Effect, Option, Schema, Stream } from "effect"
import type { BytesPage, ListQuery } from "../../domain/Page.ts"
import type { DeviceFacts } from "../../domain/Visibility.ts"
import type { Device } from "../api/Entities.ts"
import { orIfNotFound } from "../errors/orIfNotFound.ts"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { devicePath } from "../Paths.ts"
import { scanArray, parseElement } from "../responses/ArrayScanner.ts"
import { readList as readElements } from "../responses/elements.ts"
import { scanEntity } from "../responses/ObjectScanner.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"
import { maxEntitiesPerCall } from "./entityQueries.ts"
import { ownerPath, readList } from "./lists.ts"

/** Ids in a URL take 37 bytes each, and ThingsBoard's Tomcat accepts 8 KiB for the request line and all headers. */
const maxIdsPerPath = 100

/** Only the infos (`deviceInfos`) know whether a device is connected. */
const listName = ({ active }: ListQuery) => (active === undefined ? "devices" : "deviceInfos")

/** A page of the devices that the session's user may see: of its tenant, or of its customer. */
export const listDevices = (thingsBoard: ThingsBoardShape, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.identity, (identity) => readList(thingsBoard, `${ownerPath(identity)}/${listName(query)}`, query))

/** Fails with `NotFound` or `Forbidden` for a customer that does not exist or may not be seen. */
export const listCustomerDevices = (
  thingsBoard: ThingsBoardShape,
  customerId: string,
  query: ListQuery
): Effect.Effect<BytesPage, ThingsBoardError> => readList(thingsBoard, `/api/customer/${customerId}/${listName(query)}`, query)

/** A page of the device profiles, which the API calls device types: `{"id":…,"name":…}`. */
export const listDeviceProfiles = (thingsBoard: ThingsBoardShape, query: ListQuery): Effect.Effect<BytesPage, ThingsBoardError> =>
  readList(thingsBoard, "/api/deviceProfileInfos", query)

const Named = Schema.decodeUnknownOption(Schema.Struct({ name: Schema.String }))

/** A device profile or asset profile as the bytes that ThingsBoard sent, with its name. */
export interface Profile {
  readonly name: string
  readonly json: Uint8Array
}

/** All profiles of a list that match the query, in its order; its `page` and `pageSize` are ignored. */
export const allProfiles = Effect.fnUntraced(function* (
  list: typeof listDeviceProfiles,
  thingsBoard: ThingsBoardShape,
  query: ListQuery
): Effect.fn.Return<ReadonlyArray<Profile>, ThingsBoardError> {
  const profiles: Array<Profile> = []
  for (let page = 0, more = true; more; page++) {
    const { hasNext, items } = yield* list(thingsBoard, { ...query, page, pageSize: maxEntitiesPerCall })
    for (const json of yield* scanArray(items)) {
      const named = Named(parseElement(json))
      if (named._tag === "None") return yield* invalidResponse()
      profiles.push({ name: named.value.name, json })
    }
    more = hasNext
  }
  return profiles
})

/** The device's JSON, as the bytes that ThingsBoard sent. */
export const readDevice = (thingsBoard: ThingsBoardShape, id: string): Effect.Effect<Uint8Array, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.get(devicePath(id)), scanEntity(id))

const Id = Schema.Struct({ id: Schema.String })
const decodeDevice = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({ id: Id, name: Schema.String, type: Schema.String, customerId: Schema.optionalKey(Schema.NullOr(Id)) })
  )
)

/** A device with what decides whether it is visible. */
export interface DeviceDescription extends DeviceFacts {
  readonly name: string
}

/** Like `readDevice`, decoded: for decisions about the device rather than for passing it on. */
export const describeDevice = (thingsBoard: ThingsBoardShape, id: string): Effect.Effect<DeviceDescription, ThingsBoardError> =>
  thingsBoard.get(devicePath(id)).pipe(
    Effect.flatMap((bytes) => Effect.mapError(decodeDevice(bytes.toString()), () => invalidResponse())),
    Effect.filterOrFail(
      (device) => device.id.id === id,
      () => invalidResponse()
    ),
    Effect.map(({ customerId, id, name, type }) => ({ id: id.id, name, type, customerId: customerId?.id ?? "" }))
  )

/** In chunks that fit a URL. ThingsBoard silently leaves out ids that do not exist or may not be seen. */
const forEachChunk = <A>(
  ids: ReadonlyArray<string>,
  read: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<A>, ThingsBoardError>
): Effect.Effect<ReadonlyArray<A>, ThingsBoardError> =>
  Effect.map(Effect.forEach(Array.chunksOf(ids, maxIdsPerPath), read, { concurrency: 4 }), (found) => found.flat())

const decodeFacts = Schema.decodeUnknownOption(Schema.Struct({ id: Id, type: Schema.String, customerId: Id }))
const toFacts = (json: unknown) =>
  Option.map(decodeFacts(json), ({ customerId, id, type }): DeviceFacts => ({ id: id.id, type, customerId: customerId.id }))

/** The devices of these ids that may be seen, decoded, in no order. In steps: thousands of responses may all be in the cache. */
export const describeDevices = (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<DeviceFacts>, ThingsBoardError> =>
  forEachChunk(ids, (chunk) =>
    thingsBoard.readInSteps(thingsBoard.get(`/api/devices?deviceIds=${chunk.join(",")}`), (bytes, isTurnOver) =>
      readElements(bytes, toFacts, isTurnOver)
    )
  )

const Identified = Schema.decodeUnknownOption(Schema.Struct({ id: Id }))

const readByIds = (
  thingsBoard: ThingsBoardShape,
  path: string,
  ids: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<Uint8Array>, ThingsBoardError> =>
  Effect.map(
    forEachChunk(ids, (chunk) => Effect.flatMap(thingsBoard.get(path + chunk.join(",")), scanArray)),
    (found) => {
      const byId = new Map<string, Uint8Array>()
      for (const device of found) {
        const identified = Identified(parseElement(device))
        if (identified._tag === "Some") byId.set(identified.value.id.id, device)
      }
      return ids.flatMap((id) => byId.get(id) ?? [])
    }
  )

/** The JSON of the devices of these ids that may be seen, in the order of the ids, as the bytes that ThingsBoard sent. */
export const readDevices = (thingsBoard: ThingsBoardShape, ids: ReadonlyArray<string>) =>
  readByIds(thingsBoard, "/api/devices?deviceIds=", ids)

/** Like `readDevices`, for assets. */
export const readAssets = (thingsBoard: ThingsBoardShape, ids: ReadonlyArray<string>) =>
  readByIds(thingsBoard, "/api/assets?assetIds=", ids)

const Typed = Schema.decodeUnknownOption(Schema.Struct({ type: Schema.String }))

/** Like `readDevices`, with the fields that a list filtered by `active` has as well; `type` is the name of the profile. */
export const readDevicesWithActive = (
  thingsBoard: ThingsBoardShape,
  ids: ReadonlyArray<string>,
  active: boolean
): Effect.Effect<ReadonlyArray<Uint8Array>, ThingsBoardError> =>
  Effect.flatMap(
    readDevices(thingsBoard, ids),
    Effect.forEach((device) => {
      const typed = Typed(parseElement(device))
      if (typed._tag === "None" || device.at(-1) !== 125) return Effect.fail(invalidResponse())
      const fields = `,"deviceProfileName":${JSON.stringify(typed.value.type)},"active":${active}}`
      return Effect.succeed(Buffer.concat([device.subarray(0, -1), Buffer.from(fields)]))
    })
  )

/** The fields by which lists of devices and assets are restricted, searched, filtered and sorted. */
export interface DeviceFields extends DeviceFacts {
  readonly name: string
  /** Empty for a device without a label. */
  readonly label: string
  /** Epoch ms. */
  readonly createdTime: number
}

const fieldsOf = ({ createdTime, customerId, id, label, name, type }: typeof Device.Type): DeviceFields => ({
  id: id.id,
  name,
  type,
  customerId: customerId.id,
  label: label ?? "",
  createdTime
})

/** All devices of a customer, by creation time; none of a customer that does not exist or may not be seen. */
export const devicesOfCustomer = (thingsBoard: ThingsBoardShape, customerId: string): Stream.Stream<DeviceFields, ThingsBoardError> =>
  Stream.paginate(0, (page) =>
    thingsBoard
      .call((client) =>
        client.devices.customerDevices({
          params: { customerId },
          query: { pageSize: maxEntitiesPerCall, page, sortProperty: "createdTime", sortOrder: "ASC" }
        })
      )
      .pipe(
        Effect.map(({ data, hasNext }) => [data.map(fieldsOf), hasNext ? Option.some(page + 1) : Option.none<number>()] as const),
        orIfNotFound([[], Option.none<number>()] as const)
      )
  )
