/** A file of telemetry: its name, its type and its bytes. */
import { Stream } from "effect"
import { contentTypeOf, type Format, formats } from "../../domain/Format.ts"
import type { FileWriter } from "../../formats/FileWriter.ts"
import type { Device, RowBatch } from "../../formats/Rows.ts"
import { type DeviceSeries, writeWide } from "../../formats/Wide.ts"
import type { WideWriter } from "../../formats/wideRows.ts"
import type { GcPressure } from "../../platform/GcPressure.ts"
import type { HistoryRows } from "../../thingsboard/responses/HistoryPage.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { toFileName } from "./fileName.ts"

export interface ExportedFile {
  readonly contentType: string
  /** Made of the device's name and the format's extension. It may have letters of any script. */
  readonly fileName: string
  readonly body: Stream.Stream<Uint8Array, ThingsBoardError>
  /** Keys of the devices that an export of all keys leaves out, because this release of ThingsBoard cannot read them. */
  readonly skippedKeys: ReadonlyArray<string>
}

type RowStream = Stream.Stream<RowBatch, ThingsBoardError>

export const toRows = (pages: Stream.Stream<HistoryRows, ThingsBoardError>, device?: Device): RowStream =>
  Stream.flatMap(pages, (page) => Stream.fromIterable(page.series.map((series): RowBatch => ({ rows: page, series, device }))))

const reportGarbage = (rows: RowStream, garbagePerRow: number, gcPressure: GcPressure["Service"]): RowStream =>
  Stream.map(rows, (batch) => {
    gcPressure.discard((batch.series.to - batch.series.from) * garbagePerRow)
    return batch
  })

interface Contents {
  readonly format: Format
  readonly writer: FileWriter
  readonly name: string
  readonly rows: RowStream
  readonly skippedKeys: ReadonlyArray<string>
}

const withBody = ({ format, name, skippedKeys }: Omit<Contents, "rows" | "writer">, body: ExportedFile["body"]): ExportedFile => ({
  skippedKeys,
  contentType: contentTypeOf(format),
  fileName: `${toFileName(name)}_telemetry.${formats[format].fileExtension}`,
  body
})

export const makeFile = (gcPressure: GcPressure["Service"], { rows, writer, ...contents }: Contents): ExportedFile =>
  withBody(contents, writer.write(writer.garbagePerRow === undefined ? rows : reportGarbage(rows, writer.garbagePerRow, gcPressure)))

interface WideContents extends Omit<Contents, "rows" | "writer"> {
  readonly writer: WideWriter
  readonly devices: Stream.Stream<DeviceSeries<ThingsBoardError, never>, ThingsBoardError>
}

/** A file with one column per key. */
export const makeWideFile = ({ devices, writer, ...contents }: WideContents): ExportedFile => withBody(contents, writeWide(writer, devices))
