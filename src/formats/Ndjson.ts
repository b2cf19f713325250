import { noBytes, type RowWriter } from "./RowWriter.ts"
import { copyOnOneLine, writeRows, utf8 } from "./tokens.ts"

/** One JSON object per line: `{"ts":…,"key":…,"value":…}`. In files of several devices `device_id` and `device_name` come first. */
export const ndjson = (): RowWriter => ({
  head: () => noBytes,
  rows: (rows, series, device) => {
    const deviceFields =
      device === undefined ? "" : `"device_id":${JSON.stringify(device.id)},"device_name":${JSON.stringify(device.name)},`
    return writeRows(
      rows,
      series,
      {
        before: utf8.encode(`{${deviceFields}"ts":`),
        between: utf8.encode(`,"key":${JSON.stringify(series.key)},"value":`),
        after: utf8.encode("}\n")
      },
      copyOnOneLine
    )
  },
  tail: () => noBytes
})
