/**
 * Imports: any number of rows, read as a stream and stored in large writes. Memory is limited: rows wait in a `PointBuffer` until many
 * have gathered, and nothing more is read while they are written.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { GcPressure } from "../../platform/GcPressure.ts"
import { writeDevice } from "../../spool/content.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { deviceIdsByName, findDevices } from "../devices/DeviceSelection.ts"
import { DeviceNames } from "./DeviceNames.ts"
import { lastExpectedTime } from "./futureTimes.ts"
import { ImportMemory } from "./ImportMemory.ts"
import { ImportReport } from "./ImportReport.ts"
import { type ImportRow, RowRejected } from "./ImportRow.ts"
import { type NumberedRow, readRows, type RowOptions } from "./importRows.ts"
import { deviceMissing, type ImportTarget, ImportWriter } from "./ImportWriter.ts"
import { Ingest } from "./Ingest.ts"
import { type BufferedPoints, PointBuffer } from "./PointBuffer.ts"
import { makeVisibilityCheck } from "./visibilityCheck.ts"

export interface ImportOptions extends RowOptions {
  /** Checks the rows and stores nothing. */
  readonly dryRun: boolean
  /** Filled while the rows are stored, so that it is known how far an import came that failed. */
  readonly report?: ImportReport
}

/** A row becomes several objects of about its size before it is written, about six times its bytes in all. */
const garbagePerByte = 6

/** Bytes of a written point: its text, and that in the body of the write. Its objects live too short to count. */
const garbagePerPoint = 60

/** Where the points of an import go. */
export interface PointSink<E> {
  readonly write: (devices: ReadonlyArray<BufferedPoints>) => Effect.Effect<void, E>
  /** Whether an earlier write found that the device is missing. */
  readonly isMissing: (deviceId: string) => boolean
}

/** The parts of a running import. */
interface Run<E> {
  readonly deviceId: string | undefined
  /** Finds the ids of named devices; `kept` if the sink takes names. */
  readonly names: DeviceNames | "kept"
  readonly buffer: PointBuffer
  readonly sink: PointSink<E>
  readonly report: ImportReport
  readonly eventLoop: EventLoop["Service"]
  readonly memory: ImportMemory
  /** Later times are in the future, more than a clock that is a little ahead explains. */
  readonly latest: number
}

/** Returns what `use` returns, or reports the row as rejected. Not an Effect: there would be thousands at once. */
const orReject = <A>(report: ImportReport, line: number, use: () => A): A | undefined => {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof RowRejected)) throw error
    report.reject(line, error.message)
    return undefined
  }
}

const deviceIdOf = ({ deviceId, names }: Pick<Run<never>, "deviceId" | "names">, device: ImportRow["device"]): string => {
  if (device === undefined) return deviceId!
  if ("id" in device) return device.id
  return names === "kept" ? writeDevice(device) : names.idOf(device.name)
}

/** Buffers the row, or throws `RowRejected`. */
const acceptRow = (run: Run<unknown>, line: number, { device, points, ts }: ImportRow): void => {
  const deviceId = deviceIdOf(run, device)
  if (run.sink.isMissing(deviceId)) throw new RowRejected(deviceMissing)
  if (ts > run.latest) run.report.future.add(`in line ${line}`)
  if (points.length === 0) {
    run.report.accepted++
    return
  }
  run.buffer.add(deviceId, line, ts, points)
  for (const { rounded } of points) if (rounded) run.report.rounded++
}

const importRows = Effect.fnUntraced(function* <E>(run: Run<E>, rows: ReadonlyArray<NumberedRow>) {
  const { buffer, eventLoop, memory, names, report, sink } = run
  // A part of the body without rows, such as empty lines, took time as well.
  if (eventLoop.isTurnOver()) yield* eventLoop.nextTurn
  for (const { isLong, line, read } of rows) {
    if (isLong || eventLoop.isTurnOver()) yield* eventLoop.nextTurn
    const row = orReject(report, line, read)
    if (row === undefined) continue
    if (names !== "kept" && !names.isLoaded && row.device !== undefined && "name" in row.device) {
      yield* names.load()
      memory.discardResponses()
    }
    orReject(report, line, () => acceptRow(run, line, row))
  }
  const large = buffer.takeLarge()
  if (large.length > 0) yield* sink.write(large)
  // Without memory for the rows that wait, they are written at once: the import becomes slower, but does not fail.
  if (!memory.holds(buffer.bytes)) yield* sink.write(buffer.takeAll())
  else if (buffer.isFull) yield* sink.write(buffer.takeFullest())
  memory.holds(buffer.bytes)
  memory.discardResponses()
})

export class Import extends Context.Service<
  Import,
  {
    /**
     * Stores the rows of a body. Fails when the body cannot be read or the device of the path is missing; everything that concerns only
     * some rows is in the report. Rows stored before a failure stay stored.
     */
    readonly run: <E>(
      body: Stream.Stream<Uint8Array, E>,
      options: ImportOptions
    ) => Effect.Effect<ImportReport, EntityNotFound | InvalidInput | ThingsBoardError>
    /**
     * Checks the rows of a body and passes their points to `sink`, without any call to ThingsBoard. Devices that are named rather than
     * given by id are passed on as `writeDevice` writes them.
     */
    readonly readInto: <E, E2>(
      body: Stream.Stream<Uint8Array, E>,
      options: Omit<ImportOptions, "dryRun">,
      sink: (report: ImportReport) => PointSink<E2>
    ) => Effect.Effect<ImportReport, InvalidInput | ThingsBoardError | E2>
  }
>()("boardwalk/services/ingest/Import") {
  static readonly layer = Layer.effect(
    Import,
    Effect.gen(function* () {
      const { tbConcurrency: concurrency } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      const ingest = yield* Ingest
      const gcPressure = yield* GcPressure
      const eventLoop = yield* EventLoop

      const discard = (points: number) => gcPressure.discard(garbagePerPoint * points)

      /** The device of the path was looked up before. */
      const oneDevice: ImportTarget = { store: ingest.store, findMissing: () => Effect.succeed([]), concurrency }

      /** Only a restricted caller needs a lookup: otherwise storing the points shows whether a device exists. */
      const manyDevices = (): ImportTarget => ({
        store: ingest.storeVisible,
        findMissing: makeVisibilityCheck(thingsBoard),
        reportsFailedLookup: true,
        concurrency
      })

      const findMissing = (deviceIds: ReadonlyArray<string>) =>
        Effect.map(findDevices(thingsBoard, { device_ids: deviceIds }), (found) => {
          const existing = new Set(found.map(({ id }) => id))
          return deviceIds.filter((id) => !existing.has(id))
        })

      /** A dry run stores nothing, so it has to look up which devices exist. */
      const dryRunTarget = (deviceId: string | undefined): ImportTarget => ({
        store: (_, points) => Effect.succeed(points.length),
        findMissing: deviceId === undefined ? findMissing : oneDevice.findMissing,
        concurrency
      })

      const targetOf = ({ deviceId, dryRun }: ImportOptions): ImportTarget => {
        if (dryRun) return dryRunTarget(deviceId)
        return deviceId === undefined ? manyDevices() : oneDevice
      }

      const importInto = Effect.fnUntraced(function* <E, E2>(
        body: Stream.Stream<Uint8Array, E>,
        options: RowOptions,
        names: DeviceNames | "kept",
        report: ImportReport,
        sink: PointSink<E2>
      ): Effect.fn.Return<void, InvalidInput | ThingsBoardError | E2> {
        const { deviceId } = options
        const buffer = new PointBuffer()
        const latest = yield* lastExpectedTime
        const memory = yield* Effect.withFiber((fiber) => Effect.succeed(new ImportMemory(fiber.getRef(CurrentExchange))))
        const counted = Stream.map(body, (part) => {
          gcPressure.discard(garbagePerByte * part.length)
          report.bytes += part.length
          return part
        })
        yield* Stream.runForEach(readRows(counted, options), (rows) =>
          importRows({ deviceId, eventLoop, memory, names, buffer, sink, report, latest }, rows)
        )
        yield* sink.write(buffer.takeAll())
      })

      const run = Effect.fnUntraced(function* <E>(body: Stream.Stream<Uint8Array, E>, options: ImportOptions) {
        const { deviceId, report = new ImportReport() } = options
        if (deviceId !== undefined) yield* access.requireVisible(deviceId)
        yield* importInto(
          body,
          options,
          new DeviceNames(deviceIdsByName(thingsBoard)),
          report,
          new ImportWriter({ ...targetOf(options), discard }, report)
        )
        return report
      }, withServiceSpan("Import.run"))

      const readInto = Effect.fnUntraced(function* <E, E2>(
        body: Stream.Stream<Uint8Array, E>,
        options: Omit<ImportOptions, "dryRun">,
        sink: (report: ImportReport) => PointSink<E2>
      ) {
        const { report = new ImportReport() } = options
        yield* importInto(body, options, "kept", report, sink(report))
        return report
      })

      return { run, readInto }
    })
  )
}
