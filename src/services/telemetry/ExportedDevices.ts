/**
 * What an export of several devices reads: the devices of a selection, and the keys of each. Where keys are named, the query for the devices
 * also says which devices have them, so no device is asked for its keys.
 */
import { Effect, type Stream } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { NotFound, ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { callsForKeys, type DeviceWithKeys, type FoundDevice } from "../../thingsboard/requests/deviceQueries.ts"
import type { HistoryRows } from "../../thingsboard/responses/HistoryPage.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import { type DeviceSelection, findDevices, findDevicesWithKeys } from "../devices/DeviceSelection.ts"
import type { History } from "./History.ts"
import { divideKeys, existingKeys } from "./readableKeys.ts"
import type { Telemetry } from "./Telemetry.ts"

/** A device of an export. */
export interface ExportedDevice extends FoundDevice {
  /** The keys to read; undefined if the device has to be asked. */
  readonly keys: ReadonlyArray<string> | undefined
  /** Whether all values are older than the range, as far as the latest ones tell. */
  readonly isOlder: boolean
}

export interface OpenedDevice {
  readonly device: FoundDevice
  readonly keys: ReadonlyArray<string>
  readonly pages: Stream.Stream<HistoryRows, ThingsBoardError>
}

export interface DeviceSources {
  readonly thingsBoard: ThingsBoardShape
  readonly telemetry: Telemetry["Service"]
  readonly history: History["Service"]
  /** Calls at the same time. */
  readonly concurrency: number
  /** Whether the latest value of a key is always its newest point. */
  readonly latestIsNewest: boolean
}

/** Named keys up to this number are looked up together with the devices: ThingsBoard's SQL joins one table per key. */
const maxJoinedKeys = 100
/** Limits the memory for the keys of devices that were looked up before the export began. */
const maxKeptKeys = 100_000
/** Where the reading of a device's first page ends: several of them wait in memory. */
const maxPageBytes = 1024 * 1024

/** Keeps one list for all devices with the same keys. */
const makeSharedLists = () => {
  const lists = new Map<string, ReadonlyArray<string>>()
  let kept = 0
  return (keys: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    const signature = JSON.stringify(keys)
    const known = lists.get(signature)
    if (known !== undefined) return known
    if (kept + keys.length > maxKeptKeys) return undefined
    kept += keys.length
    lists.set(signature, keys)
    return keys
  }
}

/** In the order in which the ids were given. */
const inRequestedOrder = Effect.fnUntraced(function* <A extends FoundDevice>(found: ReadonlyArray<A>, { device_ids }: DeviceSelection) {
  if (device_ids === undefined) return found
  const byId = new Map(found.map((device) => [device.id, device]))
  const devices: Array<A> = []
  for (const id of new Set(device_ids.map((one) => one.toLowerCase()))) {
    const device = byId.get(id)
    if (device === undefined) return yield* new EntityNotFound({ entityType: "DEVICE", id })
    devices.push(device)
  }
  return devices
})

const unknownKeys = (device: FoundDevice): ExportedDevice => ({ ...device, keys: undefined, isOlder: false })

/** The devices of a selection. Fails with EntityNotFound if one of its ids is missing. */
export const findExportedDevices = Effect.fnUntraced(function* (
  { latestIsNewest, thingsBoard }: DeviceSources,
  selection: DeviceSelection,
  requested: ReadonlyArray<string> | undefined,
  range: TimeRange
) {
  const find = Effect.map(findDevices(thingsBoard, selection), (found) => found.map(unknownKeys))
  const calls = callsForKeys(requested ?? [])
  const isJoined =
    requested !== undefined &&
    requested.length > 0 &&
    requested.length <= maxJoinedKeys &&
    (selection.device_ids === undefined || selection.device_ids.length >= calls)
  if (!isJoined) return yield* inRequestedOrder(yield* find, selection)
  const share = makeSharedLists()
  const add = ({ id, latestTimes, name }: DeviceWithKeys, previous: ExportedDevice | undefined): ExportedDevice => {
    const keys = requested.filter((key) => latestTimes.has(key) || previous?.keys?.includes(key) === true)
    const isOlder = latestIsNewest && previous?.isOlder !== false && [...latestTimes.values()].every((ts) => ts < range.start)
    const isKept = previous === undefined || previous.keys !== undefined
    return { id, name, keys: isKept ? share(keys) : undefined, isOlder }
  }
  const found = yield* findDevicesWithKeys(thingsBoard, selection, requested, add)
  // Entity queries know no latest values if ThingsBoard keeps them in Cassandra. The key lists of the devices have them.
  const isKnown = found.some(({ keys }) => keys === undefined || keys.length > 0)
  return yield* inRequestedOrder(isKnown ? found : found.map(({ id, name }) => unknownKeys({ id, name })), selection)
})

/**
 * The keys that cannot be read, of all devices of an export of all keys. The response begins with them, so a release that cannot read every
 * key is asked for the keys of all devices first. Returns the devices with their keys.
 */
export const findSkippedKeys = Effect.fnUntraced(function* (
  { concurrency, telemetry, thingsBoard }: DeviceSources,
  devices: ReadonlyArray<ExportedDevice>
) {
  if (yield* thingsBoard.readsKeysWithCommas) return { devices, skippedKeys: [] }
  const share = makeSharedLists()
  const skippedKeys = new Set<string>()
  const withKeys = yield* Effect.forEach(
    devices,
    Effect.fnUntraced(function* (device: ExportedDevice) {
      const existing = yield* Effect.catchTag(telemetry.keysOfVisibleDevice(device.id), "EntityNotFound", () => Effect.undefined)
      if (existing === undefined) return device // the export fails when it comes to the device
      const { keys, skipped } = yield* divideKeys(thingsBoard, existing)
      for (const key of skipped) skippedKeys.add(key)
      return { ...device, keys: share(keys) }
    }),
    { concurrency }
  )
  return { devices: withKeys, skippedKeys: [...skippedKeys].toSorted() }
})

/**
 * Reads the first page of a device. A device that is deleted during an export of all keys breaks the file off. One that the caller may no
 * longer see stays in the file, since it was visible when the export began.
 */
export const openDevice = Effect.fnUntraced(function* (
  { history, telemetry, thingsBoard }: DeviceSources,
  device: ExportedDevice,
  requested: ReadonlyArray<string> | undefined,
  range: TimeRange
) {
  let { keys } = device
  if (keys === undefined) {
    const existing = yield* Effect.catchTag(
      telemetry.keysOfVisibleDevice(device.id),
      "EntityNotFound",
      () => new ThingsBoardError({ reason: new NotFound() })
    )
    keys = requested === undefined ? (yield* divideKeys(thingsBoard, existing)).keys : existingKeys(requested, existing)
  }
  const pages = yield* history.pages({ deviceId: device.id, keys: device.isOlder ? [] : keys, range }, maxPageBytes)
  return { device, keys: requested ?? keys, pages } satisfies OpenedDevice
})
