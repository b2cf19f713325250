import type { RowWriter } from "./Rows.ts"
import { copy, fill, utf8 } from "./tokens.ts"

const template = { before: utf8.encode(',{"ts":'), between: utf8.encode(',"value":'), behind: utf8.encode("}") }

/** Writes keys in the order in which they are listed; those that no row came for hold an empty array. */
const seriesWriter = (keys: ReadonlyArray<string>) => {
  let next = 0
  let empty = true
  const open = (key: string) => `${next++ === 0 ? "" : ","}${JSON.stringify(key)}:[`
  const skipTo = (key: string | undefined) => {
    let text = ""
    while (next < keys.length && keys[next] !== key) text += `${open(keys[next]!)}]`
    return text
  }
  let current: string | undefined
  return {
    rows: (...[rows, series]: Parameters<RowWriter["rows"]>): Uint8Array => {
      if (series.from === series.to) return new Uint8Array(0)
      let opening = ""
      if (series.key !== current) {
        opening = (current === undefined ? "" : "]") + skipTo(series.key) + open(series.key)
        current = series.key
        empty = true
      }
      const body = fill(rows, series, template, copy)
      const first = empty ? body.subarray(1) : body
      empty = false
      return opening === "" ? first : Buffer.concat([utf8.encode(opening), first])
    },
    close: () => `${current === undefined ? "" : "]"}${skipTo(undefined)}`
  }
}

/** `{"key":[{"ts":…,"value":…},…],…}`: every key that was asked for, in the order asked. All rows of a key come together. */
export const json = (keys: ReadonlyArray<string>): RowWriter => {
  const series = seriesWriter(keys)
  return {
    head: () => utf8.encode("{"),
    rows: series.rows,
    tail: () => utf8.encode(`${series.close()}}`)
  }
}

/** `{"<device id>":{"device_name":…,"telemetry":{…}},…}`: all rows of a device come together. */
export const jsonOfDevices = (keysOf: (deviceId: string) => ReadonlyArray<string>): RowWriter => {
  let current: { readonly id: string; readonly series: ReturnType<typeof seriesWriter> } | undefined
  const close = () => (current === undefined ? "" : `${current.series.close()}}}`)
  return {
    head: () => utf8.encode("{"),
    rows: (rows, range, device) => {
      if (device === undefined || range.from === range.to) return new Uint8Array(0)
      if (device.id === current?.id) return current.series.rows(rows, range, device)
      const opening = `${close()}${current === undefined ? "" : ","}${JSON.stringify(device.id)}:{"device_name":${JSON.stringify(device.name)},"telemetry":{`
      current = { id: device.id, series: seriesWriter(keysOf(device.id)) }
      return Buffer.concat([utf8.encode(opening), current.series.rows(rows, range, device)])
    },
    tail: () => utf8.encode(`${close()}}`)
  }
}
