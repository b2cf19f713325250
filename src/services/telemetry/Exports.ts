/** Telemetry as files: history or aggregates of one device or of many, streamed in any of the formats. */
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { EntityNotFound, type InvalidInput } from "../../domain/Errors.ts"
import type { Format } from "../../domain/Format.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { fileWriter, fileWriterOfDevices } from "../../formats/FileWriter.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { NotFound, ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import type { FoundDevice } from "../../thingsboard/requests/deviceQueries.ts"
import { findDevices, type DeviceSelection } from "../devices/DeviceSelection.ts"
import { Aggregates } from "./Aggregates.ts"
import { type AggregationOptions, parseBucketing } from "./bucketing.ts"
import { checkRange } from "./checkRange.ts"
import { type ExportedFile, makeFile, toRows } from "./ExportedFile.ts"
import { makeExportSlots, type TooManyExports } from "./ExportSlots.ts"
import { History } from "./History.ts"
import { divideKeys, existingKeys, requireReadable } from "./readableKeys.ts"
import { Telemetry } from "./Telemetry.ts"

interface ExportOptions {
  /** The caller's id; the slots for exports are limited per client. */
  readonly client: string
  /** All keys that have values when undefined. */
  readonly keys: ReadonlyArray<string> | undefined
  readonly range: TimeRange
  readonly format: Format
}

export interface ExportQuery extends ExportOptions {
  readonly deviceId: DeviceId
  readonly aggregation: AggregationOptions
}

export interface DevicesExportQuery extends ExportOptions {
  readonly selection: DeviceSelection
}

type ExportError = EntityNotFound | InvalidInput | ThingsBoardError | TooManyExports

/** Devices whose keys and first pages are fetched while the previous device is being written. */
const devicesAhead = 2

export class Exports extends Context.Service<
  Exports,
  {
    /** Exports one device. Holds an export slot until the scope closes. */
    readonly telemetry: (query: ExportQuery) => Effect.Effect<ExportedFile, ExportError, Scope.Scope>
    /**
     * Exports several devices, one after the other, in one slot. Fails when a device named by its id does not exist; devices without
     * points are not in the file.
     */
    readonly devices: (query: DevicesExportQuery) => Effect.Effect<ExportedFile, ExportError, Scope.Scope>
  }
>()("boardwalk/services/telemetry/Exports") {
  static readonly layer = Layer.effect(
    Exports,
    Effect.gen(function* () {
      const { maxConcurrentExports, tbConcurrency } = yield* Settings
      const access = yield* DeviceAccess
      const aggregates = yield* Aggregates
      const history = yield* History
      const telemetry = yield* Telemetry
      const thingsBoard = yield* ThingsBoard
      const gcPressure = yield* GcPressure
      const slots = yield* makeExportSlots(maxConcurrentExports)

      /** The selected devices, in the order in which their ids were given. */
      const findSelected = Effect.fnUntraced(function* (selection: DeviceSelection) {
        const found = yield* findDevices(thingsBoard, selection)
        if (selection.device_ids === undefined) return found
        const byId = new Map(found.map((device) => [device.id, device]))
        const devices: Array<FoundDevice> = []
        for (const id of new Set(selection.device_ids.map((one) => one.toLowerCase()))) {
          const device = byId.get(id)
          if (device === undefined) return yield* new EntityNotFound({ entityType: "DEVICE", id })
          devices.push(device)
        }
        return devices
      })

      /**
       * The keys of all these devices that cannot be read. The response begins with them, before the devices are opened one by one, so a
       * release that cannot read every key costs one call more per device.
       */
      const findSkippedKeys = Effect.fnUntraced(function* (devices: ReadonlyArray<FoundDevice>) {
        if (yield* thingsBoard.readsKeysWithCommas) return []
        const skippedKeys = new Set<string>()
        const addSkipped = Effect.fnUntraced(function* ({ id }: FoundDevice) {
          const existing = yield* Effect.catchTag(telemetry.keysOfVisibleDevice(id), "EntityNotFound", () => Effect.succeed([]))
          for (const key of (yield* divideKeys(thingsBoard, existing)).skipped) skippedKeys.add(key)
        })
        yield* Effect.forEach(devices, addSkipped, { concurrency: tbConcurrency, discard: true })
        return [...skippedKeys].toSorted()
      })

      /**
       * A device that is deleted during the export breaks the file off. One that the caller may no longer see stays in the file, since it
       * was visible when the export began.
       */
      const openDevice = Effect.fnUntraced(function* (device: FoundDevice, requested: ReadonlyArray<string> | undefined, range: TimeRange) {
        const existing = yield* Effect.catchTag(
          telemetry.keysOfVisibleDevice(device.id),
          "EntityNotFound",
          () => new ThingsBoardError({ reason: new NotFound() })
        )
        const keys = requested === undefined ? (yield* divideKeys(thingsBoard, existing)).keys : existingKeys(requested, existing)
        return { device, keys: requested ?? keys, pages: yield* history.pages({ deviceId: device.id, keys, range }) }
      })

      return {
        telemetry: Effect.fnUntraced(function* ({ aggregation, client, deviceId, format, keys, range }) {
          const bucketing = yield* parseBucketing(aggregation)
          yield* checkRange(range)
          const device = yield* access.requireVisible(deviceId)
          yield* requireReadable(thingsBoard, keys ?? [], "key")
          const existing = yield* telemetry.keys(deviceId)
          const all = yield* divideKeys(thingsBoard, keys === undefined ? existing : [])
          const requested = keys === undefined ? all.keys : [...new Set(keys)]
          yield* slots.acquire(client)
          const query = { deviceId, keys: existingKeys(requested, existing), range }
          const pages = yield* bucketing === undefined ? history.pages(query) : aggregates.pages(query, bucketing)
          const contents = { format, writer: fileWriter(format, requested), name: device.name, rows: toRows(pages) }
          return makeFile(gcPressure, { ...contents, skippedKeys: all.skipped })
        }, withServiceSpan("Exports.telemetry")),

        devices: Effect.fnUntraced(function* ({ client, format, keys, range, selection }) {
          yield* checkRange(range)
          const devices = yield* findSelected(selection)
          const requested = keys === undefined ? undefined : [...new Set(keys)]
          yield* requireReadable(thingsBoard, requested ?? [], "keys")
          yield* slots.acquire(client)
          const skippedKeys = requested === undefined ? yield* findSkippedKeys(devices) : []
          const keysById = new Map<string, ReadonlyArray<string>>()
          const writer = fileWriterOfDevices(format, (id) => keysById.get(id) ?? [])
          const rowsOf = (opened: Effect.Success<ReturnType<typeof openDevice>>) => {
            keysById.clear()
            keysById.set(opened.device.id, opened.keys)
            return toRows(opened.pages, opened.device)
          }
          const [first, ...others] = devices
          const contents = { format, writer, name: selection.device_type ?? "devices", skippedKeys }
          if (first === undefined) return makeFile(gcPressure, { ...contents, rows: Stream.empty })
          const opened = yield* openDevice(first, requested, range)
          const rest = Stream.fromIterable(others).pipe(
            Stream.mapEffect((device) => retryTransient(openDevice(device, requested, range)), { concurrency: devicesAhead }),
            Stream.flatMap(rowsOf)
          )
          const rows = Stream.concat(
            Stream.suspend(() => rowsOf(opened)),
            rest
          )
          return makeFile(gcPressure, { ...contents, rows })
        }, withServiceSpan("Exports.devices"))
      }
    })
  )
}
