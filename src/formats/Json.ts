import { noBytes, type RowWriter } from "./RowWriter.ts"
import type { Device, RowColumns, SeriesSlice } from "./Rows.ts"
import { copy, writeRows, utf8 } from "./tokens.ts"

const point = { before: utf8.encode(',{"ts":'), between: utf8.encode(',"value":'), behind: utf8.encode("}") }

/** Writes the members of `{"key":[points],…}` in the order in which the keys are listed; a key that no row came for holds an empty array. */
const membersWriter = (keys: ReadonlyArray<string>) => {
  let next = 0
  let current: string | undefined
  const opening = (key: string) => `${next++ === 0 ? "" : ","}${JSON.stringify(key)}:[`
  const emptyUpTo = (key: string | undefined) => {
    let text = current === undefined ? "" : "]"
    while (next < keys.length && keys[next] !== key) text += `${opening(keys[next]!)}]`
    return text
  }
  return {
    rows: (rows: RowColumns, series: SeriesSlice): Uint8Array => {
      if (series.from === series.to) return noBytes
      const points = writeRows(rows, series, point, copy)
      if (series.key === current) return points
      const before = emptyUpTo(series.key) + opening(series.key)
      current = series.key
      return Buffer.concat([utf8.encode(before), points.subarray(1)])
    },
    close: () => emptyUpTo(undefined)
  }
}

/**
 * `{"key":[{"ts":…,"value":…},…],…}`: every key that was asked for, in the order asked, those without rows with an empty array.
 * All rows of a key come together, keys in the order of `keys`.
 */
export const json = (keys: ReadonlyArray<string>): RowWriter => {
  const members = membersWriter(keys)
  return {
    head: () => utf8.encode("{"),
    rows: members.rows,
    tail: () => utf8.encode(`${members.close()}}`)
  }
}

/**
 * `{"<device id>":{"device_name":…,"telemetry":{…}},…}`, where `telemetry` is what `json` writes. All rows of a device come together.
 * A device is there from the first call of `rows` for it, also when that call brings no row.
 */
export const jsonOfDevices = (keysOf: (deviceId: string) => ReadonlyArray<string>): RowWriter => {
  let current: { readonly id: string; readonly members: ReturnType<typeof membersWriter> } | undefined
  const close = () => (current === undefined ? "" : `${current.members.close()}}}`)
  const open = (device: Device) => {
    const opening = `${close()}${current === undefined ? "" : ","}${JSON.stringify(device.id)}:{"device_name":${JSON.stringify(device.name)},"telemetry":{`
    current = { id: device.id, members: membersWriter(keysOf(device.id)) }
    return { bytes: utf8.encode(opening), members: current.members }
  }
  return {
    head: () => utf8.encode("{"),
    rows: (rows, series, device) => {
      if (device === undefined) return noBytes
      if (device.id === current?.id) return current.members.rows(rows, series)
      const { bytes, members } = open(device)
      return Buffer.concat([bytes, members.rows(rows, series)])
    },
    tail: () => utf8.encode(`${close()}}`)
  }
}
