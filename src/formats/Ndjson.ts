import { localTimeName } from "../domain/localClock.ts"
import { timeColumn } from "./localTimes.ts"
import type { Device } from "./Rows.ts"
import { noBytes, type RowWriter } from "./RowWriter.ts"
import { copyOnOneLine, writeRows, utf8 } from "./tokens.ts"

export interface NdjsonOptions {
  /** Adds the field `local_time`, with the times of the clocks that are this far ahead of UTC (ms). */
  readonly offsetAt?: ((ts: number) => number) | undefined
}

/** The field beside `ts`. */
export const localTimeField = (offsetAt: NdjsonOptions["offsetAt"]) =>
  offsetAt === undefined ? undefined : timeColumn(offsetAt, "iso", `,"${localTimeName}":"`, '"')

/** The fields of a device, with a comma after them. */
export const deviceFields = (device: Device | undefined) =>
  device === undefined ? "" : `"device_id":${JSON.stringify(device.id)},"device_name":${JSON.stringify(device.name)},`

/** One JSON object per line: `{"ts":…,"key":…,"value":…}`. In files of several devices `device_id` and `device_name` come first. */
export const ndjson = ({ offsetAt }: NdjsonOptions = {}): RowWriter => {
  const time = localTimeField(offsetAt)
  return {
    head: () => noBytes,
    rows: (rows, series, device) =>
      writeRows(
        rows,
        series,
        {
          before: utf8.encode(`{${deviceFields(device)}"ts":`),
          time,
          between: utf8.encode(`,"key":${JSON.stringify(series.key)},"value":`),
          after: utf8.encode("}\n")
        },
        copyOnOneLine
      ),
    tail: () => noBytes
  }
}
