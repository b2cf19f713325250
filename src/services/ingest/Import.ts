/**
 * Rows of any number, read as a stream and stored in large writes. Memory is bounded: rows wait for others of their device until so
 * many have gathered, and while they are written nothing more is read.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { deviceIdsByName, findDevices, maxDeviceNames } from "../devices/DeviceSelection.ts"
import { ImportReport } from "./ImportReport.ts"
import { RowRejected, type ImportRow } from "./ImportRow.ts"
import { type NumberedRow, readRows, type RowOptions } from "./importRows.ts"
import { Ingest } from "./Ingest.ts"
import type { IncomingPoint } from "./PointReader.ts"
import { retryTransient } from "../../thingsboard/errors/retryTransient.ts"

export interface ImportOptions extends RowOptions {
  /** Checks only, stores nothing. */
  readonly dryRun: boolean
}

/** Points that wait at the most, of all devices together. */
const maxBufferedPoints = 100_000
/** Characters of their keys and values: few points of large values weigh as much as many small ones. */
const maxCharacters = 16 * 1024 * 1024
/** Points of one device that are written without waiting for more: as many as go into one call. */
const maxPointsPerWrite = 20_000

/** Ids of devices that do not exist. */
const maxUnknownDevices = 100_000

interface Waiting {
  readonly points: Array<IncomingPoint>
  readonly lines: Array<number>
  characters: number
}

const isAway = ({ reason }: ThingsBoardError) => ["Unavailable", "Timeout", "RateLimited", "LoginRefused"].includes(reason._tag)

const tooManyNames = `device_name: there are more than ${maxDeviceNames.toLocaleString("en")} devices, so name them by device_id`

const missing = "the device does not exist, or may not be seen"

export class Import extends Context.Service<
  Import,
  {
    readonly run: (
      body: Stream.Stream<Uint8Array, unknown>,
      options: ImportOptions
    ) => Effect.Effect<ImportReport, EntityNotFound | InvalidInput | ThingsBoardError>
  }
>()("boardwalk/services/ingest/Import") {
  static readonly layer = Layer.effect(
    Import,
    Effect.gen(function* () {
      const { tbConcurrency } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      const ingest = yield* Ingest

      const stored = (deviceId: string, points: ReadonlyArray<IncomingPoint>) =>
        retryTransient(Effect.catchTag(ingest.store(deviceId, points), "EntityNotFound", Effect.succeed)).pipe(
          Effect.flatMap((held) => (typeof held === "number" ? Effect.succeed(held) : Effect.fail(held)))
        )

      const run = Effect.fn("Import.run")(function* (body: Stream.Stream<Uint8Array, unknown>, options: ImportOptions) {
        const report = new ImportReport()
        const waiting = new Map<string, Waiting>()
        const unknown = new Set<string>()
        const isUnknown = (deviceId: string) => {
          // Each is looked for again, rather than all be remembered.
          if (unknown.size > maxUnknownDevices) unknown.clear()
          unknown.add(deviceId)
        }
        let count = 0
        let characters = 0
        /** ThingsBoard did not come back however often a write was tried: the rest would wait as long for nothing. */
        let away = false
        let names: ReadonlyMap<string, string> | "not asked" | undefined = "not asked"
        if (options.deviceId !== undefined) yield* access.requireVisible(options.deviceId)

        const write = (deviceId: string, { lines, points }: Waiting) =>
          Effect.match(options.dryRun ? Effect.succeed(points.length) : stored(deviceId, points), {
            onSuccess: (held) => {
              report.stored(deviceId, held)
              report.replaced += points.length - held
            },
            onFailure: (error) => {
              if (error._tag === "EntityNotFound") {
                isUnknown(deviceId)
                report.takeBack(lines, missing)
              } else {
                away ||= isAway(error)
                report.takeBack(lines, isAway(error) ? "not stored: ThingsBoard was not available" : "ThingsBoard did not store it")
              }
            }
          })

        const send = (deviceId: string, part: Waiting) =>
          Effect.suspend(() => {
            if (!unknown.has(deviceId) && !away) return write(deviceId, part)
            report.takeBack(part.lines, unknown.has(deviceId) ? missing : "not stored: ThingsBoard was not available")
            return Effect.void
          })

        /** A dry run writes nothing, so ThingsBoard does not say which devices there are: it is asked. */
        const checkDevices = (ids: ReadonlyArray<string>) =>
          options.dryRun && options.deviceId === undefined
            ? Effect.map(findDevices(thingsBoard, { device_ids: ids }), (found) => {
                const there = new Set(found.map(({ id }) => id))
                for (const id of ids) if (!there.has(id)) isUnknown(id)
              })
            : Effect.void

        const flush = Effect.fnUntraced(function* (which: ReadonlyArray<string>) {
          const parts = which.map((id) => [id, waiting.get(id)!] as const)
          for (const [id, part] of parts) {
            waiting.delete(id)
            count -= part.points.length
            characters -= part.characters
          }
          yield* checkDevices(which)
          yield* Effect.forEach(parts, ([id, part]) => send(id, part), { concurrency: tbConcurrency, discard: true })
        })

        const idOf = (device: ImportRow["device"]): string => {
          if (device === undefined) return options.deviceId!
          if ("id" in device) return device.id
          if (typeof names !== "object") throw new RowRejected(tooManyNames)
          const id = names.get(device.name)
          if (id === undefined) throw new RowRejected("device_name: no device has this name")
          return id
        }

        const take = (line: number, { device, points, ts }: ImportRow) => {
          const id = idOf(device)
          if (unknown.has(id)) throw new RowRejected(missing)
          report.taken++
          if (points.length === 0) return
          let part = waiting.get(id)
          if (part === undefined) waiting.set(id, (part = { points: [], lines: [], characters: 0 }))
          for (const { key, rounded, token } of points) {
            part.points.push({ key, ts, token })
            part.characters += key.length + token.length
            characters += key.length + token.length
            if (rounded) report.rounded++
          }
          part.lines.push(line)
          count += points.length
        }

        /** The row, or why it is refused: thousands are read at once, so without an Effect for each. */
        const attempt = <A>(line: number, read: () => A): A | undefined => {
          try {
            return read()
          } catch (error) {
            if (!(error instanceof RowRejected)) throw error
            report.refuse(line, error.message)
            return undefined
          }
        }

        const takeAll = Effect.fnUntraced(function* (rows: ReadonlyArray<NumberedRow>) {
          for (const { line, read } of rows) {
            const row = attempt(line, read)
            if (row === undefined) continue
            if (names === "not asked" && row.device !== undefined && "name" in row.device) names = yield* deviceIdsByName(thingsBoard)
            attempt(line, () => take(line, row))
          }
          const full = [...waiting].filter(([, { points }]) => points.length >= maxPointsPerWrite).map(([id]) => id)
          if (full.length > 0) yield* flush(full)
          if (count >= maxBufferedPoints || characters >= maxCharacters) yield* flush([...waiting.keys()])
        })

        yield* Stream.runForEach(readRows(body, options), takeAll)
        yield* flush([...waiting.keys()])
        return report
      })
      return { run }
    })
  )
}
