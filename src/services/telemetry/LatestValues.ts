/** Latest values of many devices, in a few calls to ThingsBoard. */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { InvalidInput } from "../../domain/Errors.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { DeviceLatest } from "../../thingsboard/requests/deviceQueries.ts"
import { type DeviceSelection, latestOfDevices } from "../devices/DeviceSelection.ts"

export interface LatestOfDevices {
  readonly keys: ReadonlyArray<string>
  /** `{"<id>":{"device_name":…,"values":{"key":{"ts":…,"value":…}|null,…}},…}`; `entityQueryValue` infers the types. */
  readonly json: string
  /** Ids of the selection that do not exist or are not visible. */
  readonly notFound: ReadonlyArray<string>
}

/** A key, and its JSON. */
type QuotedKey = readonly [key: string, json: string]

const renderDevice = (id: string, { name, points }: DeviceLatest, keys: ReadonlyArray<QuotedKey>) => {
  const values = keys.map(([key, json]) => `${json}:${points.get(key) ?? "null"}`)
  return `${JSON.stringify(id)}:{"device_name":${JSON.stringify(name)},"values":{${values.join(",")}}}`
}

function* renderDevices(
  ids: ReadonlyArray<string>,
  devices: ReadonlyMap<string, DeviceLatest>,
  keys: ReadonlyArray<string>,
  isTurnOver: IsTurnOver
): Steps<Pick<LatestOfDevices, "json" | "notFound">> {
  const parts: Array<string> = []
  const notFound: Array<string> = []
  const quoted = keys.map((key): QuotedKey => [key, JSON.stringify(key)])
  for (const id of ids) {
    if (isTurnOver()) yield
    const device = devices.get(id.toLowerCase())
    if (device === undefined) notFound.push(id)
    else parts.push(renderDevice(id, device, quoted))
  }
  return { json: `{${parts.join(",")}}`, notFound }
}

/** The response is built in memory. */
const tooManyDevices = (max: number) => {
  const issue = `Expected a type of at most ${max} devices (MAX_DEVICES_PER_REQUEST); name them by device_ids, in several requests`
  return Effect.fail(new InvalidInput({ errors: [{ field: "device_type", issue }] }))
}

export class LatestValues extends Context.Service<
  LatestValues,
  {
    readonly read: (
      selection: DeviceSelection,
      keys: ReadonlyArray<string>
    ) => Effect.Effect<LatestOfDevices, InvalidInput | ThingsBoardError>
  }
>()("boardwalk/services/telemetry/LatestValues") {
  static readonly layer = Layer.effect(
    LatestValues,
    Effect.gen(function* () {
      const { maxDevicesPerRequest } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const eventLoop = yield* EventLoop
      return {
        read: Effect.fnUntraced(function* (selection, requested) {
          const keys = [...new Set(requested)]
          const devices = yield* latestOfDevices(thingsBoard, eventLoop, selection, keys, maxDevicesPerRequest)
          if (devices === undefined) return yield* tooManyDevices(maxDevicesPerRequest)
          // Ids in the caller's spelling and order.
          const ids = selection.device_ids === undefined ? [...devices.keys()] : [...new Set(selection.device_ids)]
          const rendered = yield* eventLoop.run(() => renderDevices(ids, devices, keys, eventLoop.isTurnOver))
          return { keys, ...rendered }
        }, withServiceSpan("LatestValues.read"))
      }
    })
  )
}
