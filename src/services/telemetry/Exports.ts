/** Telemetry as files: history or aggregates of one device or of many, streamed in any of the formats. */
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { EntityNotFound, type InvalidInput } from "../../domain/Errors.ts"
import { contentTypeOf, type Format, formats } from "../../domain/Format.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { fileWriter, fileWriterOfDevices, type FileWriter } from "../../formats/FileWriter.ts"
import type { Device, RowBatch } from "../../formats/Rows.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import type { HistoryPage } from "../../thingsboard/responses/HistoryPage.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { NotFound, ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import type { FoundDevice } from "../../thingsboard/requests/deviceQueries.ts"
import { findDevices, type DeviceSelection } from "../devices/DeviceSelection.ts"
import { Aggregates } from "./Aggregates.ts"
import { type AggregationOptions, parseBucketing } from "./bucketing.ts"
import { checkRange } from "./checkRange.ts"
import { makeExportSlots, type TooManyExports } from "./ExportSlots.ts"
import { History } from "./History.ts"
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

export interface ExportedFile {
  readonly contentType: string
  /** The device's name with only safe characters, and the format's extension. */
  readonly fileName: string
  readonly body: Stream.Stream<Uint8Array, ThingsBoardError>
}

type ExportError = EntityNotFound | InvalidInput | ThingsBoardError | TooManyExports

/** Devices whose keys and first pages are fetched while the previous device is being written. */
const devicesAhead = 2

/** Letters, digits and the few other characters that every file system allows. */
const toFileName = (name: string) =>
  name
    .normalize("NFKD")
    .replaceAll(/[^\w.-]+/g, "_")
    .replaceAll(/^[._]+|_+$/g, "")
    .slice(0, 80) || "device"

type RowStream = Stream.Stream<RowBatch, ThingsBoardError>

/** A page has rows of one key, or none. */
const toRows = (pages: Stream.Stream<HistoryPage, ThingsBoardError>, device?: Device): RowStream =>
  Stream.flatMap(pages, (page) => Stream.fromIterable(page.series.map((series): RowBatch => ({ rows: page, series, device }))))

const reportGarbage = (rows: RowStream, garbagePerRow: number, gcPressure: GcPressure["Service"]): RowStream =>
  Stream.map(rows, (batch) => {
    gcPressure.discard((batch.series.to - batch.series.from) * garbagePerRow)
    return batch
  })

const makeFile = (gcPressure: GcPressure["Service"], format: Format, writer: FileWriter, name: string, rows: RowStream): ExportedFile => ({
  contentType: contentTypeOf(format),
  fileName: `${toFileName(name)}_telemetry.${formats[format].fileExtension}`,
  body: writer.write(writer.garbagePerRow === undefined ? rows : reportGarbage(rows, writer.garbagePerRow, gcPressure))
})

/** The requested keys that have values: reading a key that does not exist makes ThingsBoard add it to its dictionary. */
const readableKeys = (requested: ReadonlyArray<string> | undefined, existing: ReadonlyArray<string>) => {
  const names = new Set(existing)
  return requested === undefined ? existing : requested.filter((key) => names.has(key))
}

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
      const { maxConcurrentExports } = yield* Settings
      const access = yield* DeviceAccess
      const aggregates = yield* Aggregates
      const history = yield* History
      const telemetry = yield* Telemetry
      const thingsBoard = yield* ThingsBoard
      const gcPressure = yield* GcPressure
      const toFile = (format: Format, writer: FileWriter, name: string, rows: RowStream) => makeFile(gcPressure, format, writer, name, rows)
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
       * A device that is deleted during the export breaks the file off. One that the caller may no longer see stays in the file, since it
       * was visible when the export began.
       */
      const openDevice = Effect.fnUntraced(function* (device: FoundDevice, requested: ReadonlyArray<string> | undefined, range: TimeRange) {
        const existing = yield* Effect.catchTag(
          telemetry.keysOfVisibleDevice(device.id),
          "EntityNotFound",
          () => new ThingsBoardError({ reason: new NotFound() })
        )
        const keys = readableKeys(requested, existing)
        return { device, keys: requested ?? keys, pages: yield* history.pages({ deviceId: device.id, keys, range }) }
      })

      return {
        telemetry: Effect.fnUntraced(function* ({ aggregation, client, deviceId, format, keys, range }) {
          const bucketing = yield* parseBucketing(aggregation)
          yield* checkRange(range)
          const device = yield* access.requireVisible(deviceId)
          const existing = yield* telemetry.keys(deviceId)
          const requested = keys === undefined ? existing : [...new Set(keys)]
          yield* slots.acquire(client)
          const query = { deviceId, keys: readableKeys(requested, existing), range }
          const pages = yield* bucketing === undefined ? history.pages(query) : aggregates.pages(query, bucketing)
          return toFile(format, fileWriter(format, requested), device.name, toRows(pages))
        }, withServiceSpan("Exports.telemetry")),

        devices: Effect.fnUntraced(function* ({ client, format, keys, range, selection }) {
          yield* checkRange(range)
          const devices = yield* findSelected(selection)
          const requested = keys === undefined ? undefined : [...new Set(keys)]
          yield* slots.acquire(client)
          const keysById = new Map<string, ReadonlyArray<string>>()
          const writer = fileWriterOfDevices(format, (id) => keysById.get(id) ?? [])
          const rowsOf = (opened: Effect.Success<ReturnType<typeof openDevice>>) => {
            keysById.clear()
            keysById.set(opened.device.id, opened.keys)
            return toRows(opened.pages, opened.device)
          }
          const [first, ...others] = devices
          const name = selection.device_type ?? "devices"
          if (first === undefined) return toFile(format, writer, name, Stream.empty)
          const opened = yield* openDevice(first, requested, range)
          const rest = Stream.fromIterable(others).pipe(
            Stream.mapEffect((device) => retryTransient(openDevice(device, requested, range)), { concurrency: devicesAhead }),
            Stream.flatMap(rowsOf)
          )
          return toFile(
            format,
            writer,
            name,
            Stream.concat(
              Stream.suspend(() => rowsOf(opened)),
              rest
            )
          )
        }, withServiceSpan("Exports.devices"))
      }
    })
  )
}
