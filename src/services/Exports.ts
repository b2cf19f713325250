/** Files of telemetry: history in one of the formats, streamed. */
import { Context, Effect, Layer, type Scope, Semaphore, Stream } from "effect"
import { Settings } from "../config/Settings.ts"
import type { EntityNotFound } from "../domain/Errors.ts"
import { Schema } from "effect"
import type { DeviceId } from "../domain/Ids.ts"
import type { TimeRange } from "../domain/Telemetry.ts"
import { csv } from "../formats/Csv.ts"
import { json } from "../formats/Json.ts"
import { ndjson } from "../formats/Ndjson.ts"
import type { RowWriter } from "../formats/RowWriter.ts"
import type { ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { Access } from "./Access.ts"
import { History } from "./History.ts"
import { Telemetry } from "./Telemetry.ts"

export type TextFormat = "json" | "csv" | "jsonl"

export interface ExportQuery {
  readonly deviceId: DeviceId
  /** All keys that hold values when undefined. */
  readonly keys: ReadonlyArray<string> | undefined
  readonly range: TimeRange
  readonly format: TextFormat
}

export interface ExportedFile {
  readonly contentType: string
  /** The device's name made safe, with the format's ending. */
  readonly fileName: string
  readonly body: Stream.Stream<Uint8Array, ThingsBoardError>
}

/** All places for exports (MAX_CONCURRENT_EXPORTS) stayed taken for a while. */
export class TooManyExports extends Schema.TaggedError<TooManyExports>()("TooManyExports", {}) {}

const contentTypes = {
  json: "application/json",
  csv: "text/csv; charset=utf-8; header=present",
  jsonl: "application/x-ndjson"
} as const

const writerOf = (format: TextFormat, keys: ReadonlyArray<string>): RowWriter =>
  format === "csv" ? csv({ guard: true, devices: false }) : format === "jsonl" ? ndjson() : json(keys)

/** Letters, digits and a few signs that no file system minds. */
const safeName = (name: string) =>
  name
    .normalize("NFKD")
    .replaceAll(/[^\w.-]+/g, "_")
    .replaceAll(/^[._]+|_+$/g, "")
    .slice(0, 80) || "device"

const bytes = (chunk: Uint8Array) => (chunk.length === 0 ? Stream.empty : Stream.succeed(chunk))

export class Exports extends Context.Service<
  Exports,
  {
    /** Holds one of the places for exports until the scope closes. */
    readonly telemetry: (query: ExportQuery) => Effect.Effect<ExportedFile, EntityNotFound | ThingsBoardError | TooManyExports, Scope.Scope>
  }
>()("boardwalk/services/Exports") {
  static readonly layer = Layer.effect(
    Exports,
    Effect.gen(function* () {
      const { maxConcurrentExports } = yield* Settings
      const access = yield* Access
      const history = yield* History
      const telemetry = yield* Telemetry
      const places = yield* Semaphore.make(maxConcurrentExports)

      /** Waits up to five seconds for a place. */
      const place = Effect.uninterruptibleMask((restore) =>
        restore(places.take(1)).pipe(
          Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.fail(new TooManyExports()) }),
          Effect.andThen(Effect.addFinalizer(() => places.release(1)))
        )
      )

      return {
        telemetry: Effect.fnUntraced(function* ({ deviceId, format, keys, range }) {
          const device = yield* access.seen(deviceId)
          // Reading a key that does not exist makes ThingsBoard write it into its dictionary: only known ones are read.
          const known = yield* telemetry.keys(deviceId)
          const asked = keys === undefined ? known : [...new Set(keys)]
          yield* place
          const pages = yield* history.pages({ deviceId, keys: asked.filter((key) => known.includes(key)), range })
          const writer = writerOf(format, asked)
          const rows = Stream.map(pages, (page) => {
            const series = page.series[0]
            return series === undefined ? new Uint8Array(0) : writer.rows(page, series, undefined)
          }).pipe(Stream.filter((chunk) => chunk.length > 0))
          return {
            contentType: contentTypes[format],
            fileName: `${safeName(device.name)}_telemetry.${format}`,
            body: Stream.suspend(() => bytes(writer.head())).pipe(
              Stream.concat(rows),
              Stream.concat(Stream.suspend(() => bytes(writer.tail())))
            )
          }
        })
      }
    })
  )
}
