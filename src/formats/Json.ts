import { noBytes, type RowWriter } from "./RowWriter.ts"
import type { Device, RowColumns, SeriesSlice } from "./Rows.ts"
import { copy, writeRows, utf8 } from "./tokens.ts"

const point = { before: utf8.encode(',{"ts":'), between: utf8.encode(',"value":'), after: utf8.encode("}") }

/** Writes the fields of `{"key":[points],…}` in the order of `keys`; keys without rows get an empty array. */
const makeFieldsWriter = (keys: ReadonlyArray<string>) => {
  let next = 0
  let current: string | undefined
  const opening = (key: string) => `${next++ === 0 ? "" : ","}${JSON.stringify(key)}:[`
  const closeAndSkipTo = (key: string | undefined) => {
    let text = current === undefined ? "" : "]"
    while (next < keys.length && keys[next] !== key) text += `${opening(keys[next]!)}]`
    return text
  }
  return {
    rows: (rows: RowColumns, series: SeriesSlice): Uint8Array => {
      if (series.from === series.to) return noBytes
      const points = writeRows(rows, series, point, copy)
      if (series.key === current) return points
      const before = closeAndSkipTo(series.key) + opening(series.key)
      current = series.key
      return Buffer.concat([utf8.encode(before), points.subarray(1)])
    },
    close: () => closeAndSkipTo(undefined)
  }
}

/**
 * `{"key":[{"ts":…,"value":…},…],…}` with all of `keys` in their order, keys without rows as an empty array.
 * All rows of a key must come together, and keys in the order of `keys`.
 */
export const json = (keys: ReadonlyArray<string>): RowWriter => {
  const fields = makeFieldsWriter(keys)
  return {
    head: () => utf8.encode("{"),
    rows: fields.rows,
    tail: () => utf8.encode(`${fields.close()}}`)
  }
}

/**
 * `{"<device id>":{"device_name":…,"telemetry":{…}},…}`, where `telemetry` has the form that `json` writes. All rows of a device must come
 * together. A device for which `rows` was called is in the file even if the call had no row.
 */
export const jsonOfDevices = (keysOf: (deviceId: string) => ReadonlyArray<string>): RowWriter => {
  let current: { readonly id: string; readonly fields: ReturnType<typeof makeFieldsWriter> } | undefined
  const close = () => (current === undefined ? "" : `${current.fields.close()}}}`)
  const open = (device: Device) => {
    const opening = `${close()}${current === undefined ? "" : ","}${JSON.stringify(device.id)}:{"device_name":${JSON.stringify(device.name)},"telemetry":{`
    current = { id: device.id, fields: makeFieldsWriter(keysOf(device.id)) }
    return { bytes: utf8.encode(opening), fields: current.fields }
  }
  return {
    head: () => utf8.encode("{"),
    rows: (rows, series, device) => {
      if (device === undefined) return noBytes
      if (device.id === current?.id) return current.fields.rows(rows, series)
      const { bytes, fields } = open(device)
      return Buffer.concat([bytes, fields.rows(rows, series)])
    },
    tail: () => utf8.encode(`${close()}}`)
  }
}
