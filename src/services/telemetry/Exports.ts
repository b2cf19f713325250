/** Telemetry as files: history or aggregates of one device or of many, streamed in any of the formats. */
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import type { Format } from "../../domain/Format.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { fileWriter, fileWriterOfDevices, wideWriter } from "../../formats/FileWriter.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { HistoryRows } from "../../thingsboard/responses/HistoryPage.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import type { DeviceSelection } from "../devices/DeviceSelection.ts"
import { Aggregates } from "./Aggregates.ts"
import { type AggregationOptions, type Bucketing, parseBucketing } from "./bucketing.ts"
import { checkRange } from "./checkRange.ts"
import { type DeviceSources, findExportedDevices, findSkippedKeys, openDevice, type OpenedDevice } from "./ExportedDevices.ts"
import { columnIssue, type ExportStyleOptions, parseExportStyle } from "./exportStyle.ts"
import { type ExportedFile, makeFile, makeWideFile, toRows } from "./ExportedFile.ts"
import { makeExportSlots, type TooManyExports } from "./ExportSlots.ts"
import { History } from "./History.ts"
import { divideKeys, requireReadable } from "./readableKeys.ts"
import { Telemetry } from "./Telemetry.ts"

interface ExportOptions {
  /** The caller's id; the slots for exports are limited per client. */
  readonly client: string
  /** All keys that have values when undefined. */
  readonly keys: ReadonlyArray<string> | undefined
  readonly range: TimeRange
  readonly format: Format
  readonly style?: ExportStyleOptions
}

export interface ExportQuery extends ExportOptions {
  readonly deviceId: DeviceId
  readonly aggregation: AggregationOptions
}

export interface DevicesExportQuery extends ExportOptions {
  readonly selection: DeviceSelection
}

/** Bytes of the pages of all keys of a wide file, and of one key at least: smaller pages would take too many calls. */
const wideBytes = 4 * 1024 * 1024
const minPageBytes = 16 * 1024

type ExportError = EntityNotFound | InvalidInput | ThingsBoardError | TooManyExports

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
      const { maxConcurrentExports, tbConcurrency, tbLatestIsNewest } = yield* Settings
      const access = yield* DeviceAccess
      const aggregates = yield* Aggregates
      const history = yield* History
      const telemetry = yield* Telemetry
      const thingsBoard = yield* ThingsBoard
      const gcPressure = yield* GcPressure
      const slots = yield* makeExportSlots(maxConcurrentExports)

      const sources: DeviceSources = {
        thingsBoard,
        telemetry,
        history,
        concurrency: tbConcurrency,
        latestIsNewest: tbLatestIsNewest
      }

      /** The rows of each key as a stream of its own; none for a key that the device does not have. Together they take the memory of a few pages. */
      const openSeries = (
        deviceId: string,
        keys: ReadonlyArray<string>,
        existing: ReadonlySet<string>,
        range: TimeRange,
        bucketing: Bucketing | undefined
      ) => {
        const pageBytes = Math.max(minPageBytes, Math.floor(wideBytes / Math.max(1, existing.size)))
        const open = (key: string): Effect.Effect<Stream.Stream<HistoryRows, ThingsBoardError>, ThingsBoardError> => {
          const query = { deviceId, keys: [key], range, pageBytes }
          if (!existing.has(key)) return Effect.succeed(Stream.empty)
          return bucketing === undefined ? history.pages(query) : aggregates.pages(query, bucketing)
        }
        return Effect.forEach(keys, (key) => Effect.map(open(key), (pages) => toRows(pages)), { concurrency: tbConcurrency })
      }

      return {
        telemetry: Effect.fnUntraced(function* ({ aggregation, client, deviceId, format, keys, range, style = {} }) {
          const bucketing = yield* parseBucketing(aggregation)
          const { file, wide } = yield* parseExportStyle(style, format, true)
          yield* checkRange(range)
          const device = yield* access.requireVisible(deviceId)
          yield* requireReadable(thingsBoard, keys ?? [], "key")
          const all = yield* divideKeys(thingsBoard, keys === undefined ? yield* telemetry.keysOfVisibleDevice(deviceId) : [])
          const requested = keys === undefined ? all.keys : [...new Set(keys)]
          const issue = columnIssue(requested, wide)
          if (issue !== undefined) return yield* issue
          const readable = keys === undefined ? requested : yield* telemetry.readableKeys(deviceId, requested)
          yield* slots.acquire(client)
          if (wide !== undefined) {
            const series = yield* openSeries(deviceId, requested, new Set(readable), range, bucketing)
            const devices = Stream.succeed({ device: undefined, series })
            return makeWideFile({
              format,
              writer: wideWriter(wide, requested, file, false),
              name: device.name,
              devices,
              skippedKeys: all.skipped
            })
          }
          const query = { deviceId, keys: readable, range }
          const pages = yield* bucketing === undefined ? history.pages(query) : aggregates.pages(query, bucketing)
          const contents = { format, writer: fileWriter(format, requested, file), name: device.name, rows: toRows(pages) }
          return makeFile(gcPressure, { ...contents, skippedKeys: all.skipped })
        }, withServiceSpan("Exports.telemetry")),

        devices: Effect.fnUntraced(function* ({ client, format, keys, range, selection, style = {} }) {
          const { file, wide } = yield* parseExportStyle(style, format, keys !== undefined)
          yield* checkRange(range)
          const requested = keys === undefined ? undefined : [...new Set(keys)]
          const issue = columnIssue(requested ?? [], wide)
          if (issue !== undefined) return yield* issue
          const selected = yield* findExportedDevices(sources, selection, requested, range)
          yield* requireReadable(thingsBoard, requested ?? [], "keys")
          yield* slots.acquire(client)
          const { devices, skippedKeys } =
            requested === undefined ? yield* findSkippedKeys(sources, selected) : { devices: selected, skippedKeys: [] }
          if (wide !== undefined) {
            const columns = requested!
            const rows = Stream.mapEffect(Stream.fromIterable(devices), (device) =>
              Effect.map(retryTransient(openSeries(device.id, columns, new Set(device.keys ?? columns), range, undefined)), (series) => ({
                device,
                series
              }))
            )
            const writer = wideWriter(wide, columns, file, true)
            return makeWideFile({ format, writer, name: selection.device_type ?? "devices", devices: rows, skippedKeys })
          }
          const keysById = new Map<string, ReadonlyArray<string>>()
          const writer = fileWriterOfDevices(format, (id) => keysById.get(id) ?? [], file)
          const rowsOf = (opened: OpenedDevice) => {
            keysById.clear()
            keysById.set(opened.device.id, opened.keys)
            return toRows(opened.pages, opened.device)
          }
          const [first, ...others] = devices
          const contents = { format, writer, name: selection.device_type ?? "devices", skippedKeys }
          if (first === undefined) return makeFile(gcPressure, { ...contents, rows: Stream.empty })
          const opened = yield* openDevice(sources, first, requested, range)
          const rest = Stream.fromIterable(others).pipe(
            Stream.mapEffect((device) => retryTransient(openDevice(sources, device, requested, range)), { concurrency: tbConcurrency }),
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
