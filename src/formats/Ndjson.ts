import { noBytes, type RowWriter } from "./RowWriter.ts"
import { copyOnOneLine, writeRows, utf8 } from "./tokens.ts"

/** A JSON object a line: `{"ts":…,"key":…,"value":…}`, with `device_id` and `device_name` before them in files of several devices. */
export const ndjson = (): RowWriter => ({
  head: () => noBytes,
  rows: (rows, series, device) => {
    const owner = device === undefined ? "" : `"device_id":${JSON.stringify(device.id)},"device_name":${JSON.stringify(device.name)},`
    return writeRows(
      rows,
      series,
      {
        before: utf8.encode(`{${owner}"ts":`),
        between: utf8.encode(`,"key":${JSON.stringify(series.key)},"value":`),
        behind: utf8.encode("}\n")
      },
      copyOnOneLine
    )
  },
  tail: () => noBytes
})
