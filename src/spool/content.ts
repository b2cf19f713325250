/** Points and devices as text. A token is kept as a JSON string, so that no digit and no space of it can change. */
import type { DeviceReference, SpooledPoint } from "./model.ts"

type Row = readonly [key: string, ts: number, token: string]

export const writePoints = (points: ReadonlyArray<SpooledPoint>): string =>
  JSON.stringify(points.map(({ key, token, ts }): Row => [key, ts, token]))

export const readPoints = (content: string): ReadonlyArray<SpooledPoint> =>
  (JSON.parse(content) as ReadonlyArray<Row>).map(([key, ts, token]) => ({ key, ts, token }))

/** No id begins like this. */
export const namePrefix = "name:"

export const writeDevice = (device: DeviceReference): string => ("id" in device ? device.id.toLowerCase() : namePrefix + device.name)

export const readDevice = (text: string): DeviceReference =>
  text.startsWith(namePrefix) ? { name: text.slice(namePrefix.length) } : { id: text }
