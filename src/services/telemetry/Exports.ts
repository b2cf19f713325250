/** Files of telemetry: history or aggregates in one of the formats, of one device or of many, streamed. */
import { Context, Effect, Layer, Schema, type Scope, Semaphore, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import { EntityNotFound, type InvalidInput } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"
import { type FileFormat, fileWriter, fileWriterOfDevices, type FileWriter } from "../../formats/Files.ts"
import type { Device, RowBatch } from "../../formats/Rows.ts"
import { bytesWentBy } from "../../platform/gcPressure.ts"
import type { HistoryPage } from "../../thingsboard/responses/HistoryPage.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { NotFound, ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { Aggregates } from "./Aggregates.ts"
import { checkRange } from "./checkRange.ts"
import type { FoundDevice } from "../../thingsboard/requests/deviceQueries.ts"
import { findDevices, type DeviceSelection } from "../devices/DeviceSelection.ts"
import { parseBucketing, type AggregationOptions } from "./bucketing.ts"
import { History } from "./History.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"
import { Telemetry } from "./Telemetry.ts"

interface ExportOptions {
  /** Who asks: one alone is not given all places. */
  readonly client: string
  /** All keys that hold values when undefined. */
  readonly keys: ReadonlyArray<string> | undefined
  readonly range: TimeRange
  readonly format: FileFormat
}

export interface ExportQuery extends ExportOptions {
  readonly deviceId: DeviceId
  readonly buckets: AggregationOptions
}

export interface DevicesExportQuery extends ExportOptions {
  readonly selection: DeviceSelection
}

export interface ExportedFile {
  readonly contentType: string
  /** The device's name made safe, with the format's ending. */
  readonly fileName: string
  readonly body: Stream.Stream<Uint8Array, ThingsBoardError>
}

/** All places for exports (MAX_CONCURRENT_EXPORTS) stayed taken for a while. */
export class TooManyExports extends Schema.TaggedError<TooManyExports>()("TooManyExports", {}) {}

type Failure = EntityNotFound | InvalidInput | ThingsBoardError | TooManyExports

/** Where there are several places a client may hold all but one, so that slow readers with one key do not keep all others out. */
const placesOf = Effect.fnUntraced(function* (count: number) {
  const all = yield* Semaphore.make(count)
  const ofClients = new Map<string, Semaphore.Semaphore>()
  const ofClient = (client: string) => {
    const own = ofClients.get(client) ?? Semaphore.makeUnsafe(Math.max(1, count - 1))
    ofClients.set(client, own)
    return own
  }
  return {
    take: (client: string) => {
      const own = ofClient(client)
      return Effect.uninterruptibleMask((restore) =>
        Effect.andThen(
          restore(own.take(1)),
          Effect.onError(restore(all.take(1)), () => own.release(1))
        )
      )
    },
    release: (client: string) => Effect.andThen(all.release(1), ofClient(client).release(1))
  }
})

/** Devices whose keys and first pages are fetched while the ones before them are written. */
const devicesAhead = 2

/** Letters, digits and a few signs that no file system minds. */
const safeName = (name: string) =>
  name
    .normalize("NFKD")
    .replaceAll(/[^\w.-]+/g, "_")
    .replaceAll(/^[._]+|_+$/g, "")
    .slice(0, 80) || "device"

type Pieces = Stream.Stream<RowBatch, ThingsBoardError>

/** A page is of one key, or empty. */
const rowsOf = (pages: Stream.Stream<HistoryPage, ThingsBoardError>, device?: Device): Pieces =>
  Stream.flatMap(pages, (page) => Stream.fromIterable(page.series.map((series): RowBatch => ({ rows: page, series, device }))))

const countingWhatIsLeft = (rows: Pieces, leftByRow: number): Pieces =>
  Stream.map(rows, (piece) => {
    bytesWentBy((piece.series.to - piece.series.from) * leftByRow)
    return piece
  })

const file = (writer: FileWriter, name: string, rows: Pieces): ExportedFile => ({
  contentType: writer.contentType,
  fileName: `${safeName(name)}_telemetry.${writer.fileExtension}`,
  body: writer.write(writer.leftByRow === undefined ? rows : countingWhatIsLeft(rows, writer.leftByRow))
})

/** Those asked for that hold values; reading a key that does not exist makes ThingsBoard write it into its dictionary. */
const readable = (asked: ReadonlyArray<string> | undefined, known: ReadonlyArray<string>) => {
  const names = new Set(known)
  return asked === undefined ? known : asked.filter((key) => names.has(key))
}

export class Exports extends Context.Service<
  Exports,
  {
    /** Holds one of the places for exports until the scope closes. */
    readonly telemetry: (query: ExportQuery) => Effect.Effect<ExportedFile, Failure, Scope.Scope>
    /** Device after device, in one place for all. A device named by its id that is missing fails it; one of no points is not in the file. */
    readonly devices: (query: DevicesExportQuery) => Effect.Effect<ExportedFile, Failure, Scope.Scope>
  }
>()("boardwalk/services/telemetry/Exports") {
  static readonly layer = Layer.effect(
    Exports,
    Effect.gen(function* () {
      const { maxConcurrentExports } = yield* Settings
      const access = yield* DeviceAccess
      const buckets = yield* Aggregates
      const history = yield* History
      const telemetry = yield* Telemetry
      const thingsBoard = yield* ThingsBoard
      const places = yield* placesOf(maxConcurrentExports)
      /** Waits up to five seconds for a place. */
      const placeFor = (client: string) =>
        Effect.uninterruptibleMask((restore) =>
          restore(places.take(client)).pipe(
            Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.fail(new TooManyExports()) }),
            Effect.andThen(Effect.addFinalizer(() => places.release(client)))
          )
        )

      /** The devices in the order asked for. */
      const selected = Effect.fnUntraced(function* (selection: DeviceSelection) {
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

      /** A device that is deleted meanwhile breaks the file off; one that the caller may not see any more stays in the file that it was chosen for. */
      const openDevice = Effect.fnUntraced(function* (device: FoundDevice, asked: ReadonlyArray<string> | undefined, range: TimeRange) {
        const known = yield* Effect.catchTag(
          telemetry.keysOfSeen(device.id),
          "EntityNotFound",
          () => new ThingsBoardError({ reason: new NotFound() })
        )
        const keys = readable(asked, known)
        return { device, keys: asked ?? keys, pages: yield* history.pages({ deviceId: device.id, keys, range }) }
      })

      return {
        telemetry: Effect.fnUntraced(function* ({ buckets: wanted, client, deviceId, format, keys, range }) {
          const bucketing = yield* parseBucketing(wanted)
          yield* checkRange(range)
          const device = yield* access.requireVisible(deviceId)
          const known = yield* telemetry.keys(deviceId)
          const asked = keys === undefined ? known : [...new Set(keys)]
          yield* placeFor(client)
          const query = { deviceId, keys: readable(asked, known), range }
          const pages = yield* bucketing === undefined ? history.pages(query) : buckets.pages(query, bucketing)
          return file(fileWriter(format, asked), device.name, rowsOf(pages))
        }),

        devices: Effect.fnUntraced(function* ({ client, format, keys, range, selection }) {
          yield* checkRange(range)
          const devices = yield* selected(selection)
          const asked = keys === undefined ? undefined : [...new Set(keys)]
          yield* placeFor(client)
          const keysById = new Map<string, ReadonlyArray<string>>()
          const writer = fileWriterOfDevices(format, (id) => keysById.get(id) ?? [])
          const written = (opened: Effect.Success<ReturnType<typeof openDevice>>) => {
            keysById.clear()
            keysById.set(opened.device.id, opened.keys)
            return rowsOf(opened.pages, opened.device)
          }
          const [first, ...others] = devices
          const name = selection.device_type ?? "devices"
          if (first === undefined) return file(writer, name, Stream.empty)
          const opened = yield* openDevice(first, asked, range)
          const rest = Stream.fromIterable(others).pipe(
            Stream.mapEffect((device) => retryTransient(openDevice(device, asked, range)), { concurrency: devicesAhead }),
            Stream.flatMap(written)
          )
          return file(
            writer,
            name,
            Stream.concat(
              Stream.suspend(() => written(opened)),
              rest
            )
          )
        })
      }
    })
  )
}
