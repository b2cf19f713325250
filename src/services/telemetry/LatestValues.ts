/** Latest values of many devices, in a call or a few whatever their number. */
import { Context, Effect, Layer } from "effect"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { type FoundDevice, findDevices, type DeviceSelection } from "../devices/DeviceSelection.ts"
import { entityQueryValue } from "../../thingsboard/responses/entityQueryValue.ts"

export interface LatestOfDevices {
  readonly keys: ReadonlyArray<string>
  /** `{"<id>":{"device_name":…,"values":{"key":{"ts":…,"value":…}|null,…}},…}`; types as `latestText.ts` can tell them. */
  readonly json: string
  /** Ids of the selection that do not exist or may not be seen. */
  readonly notFound: ReadonlyArray<string>
}

interface Device {
  readonly name: string
  readonly points: Map<string, string>
}

/** Devices come once for each part of a long list of keys. */
const merged = (found: ReadonlyArray<FoundDevice>): ReadonlyMap<string, Device> => {
  const devices = new Map<string, Device>()
  for (const { id, latest, name } of found) {
    const device = devices.get(id) ?? { name, points: new Map<string, string>() }
    devices.set(id, device)
    for (const [key, { ts, value }] of Object.entries(latest)) {
      if (ts !== 0 || value !== "") device.points.set(key, `{"ts":${ts},"value":${entityQueryValue(value)}}`)
    }
  }
  return devices
}

const deviceJson = (id: string, { name, points }: Device, keys: ReadonlyArray<string>) => {
  const values = keys.map((key) => `${JSON.stringify(key)}:${points.get(key) ?? "null"}`)
  return `${JSON.stringify(id)}:{"device_name":${JSON.stringify(name)},"values":{${values.join(",")}}}`
}

export class LatestValues extends Context.Service<
  LatestValues,
  {
    readonly read: (selection: DeviceSelection, keys: ReadonlyArray<string>) => Effect.Effect<LatestOfDevices, ThingsBoardError>
  }
>()("boardwalk/services/telemetry/LatestValues") {
  static readonly layer = Layer.effect(
    LatestValues,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      return {
        read: Effect.fn("LatestOfMany.read")(function* (selection, asked) {
          const keys = [...new Set(asked)]
          const devices = merged(yield* findDevices(thingsBoard, selection, keys))
          // Ids as the caller spells them, in the caller's order.
          const ids = selection.device_ids === undefined ? [...devices.keys()] : [...new Set(selection.device_ids)]
          const parts: Array<string> = []
          const notFound: Array<string> = []
          for (const id of ids) {
            const device = devices.get(id.toLowerCase())
            if (device === undefined) notFound.push(id)
            else parts.push(deviceJson(id, device, keys))
          }
          return { keys, json: `{${parts.join(",")}}`, notFound }
        })
      }
    })
  )
}
