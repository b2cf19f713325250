/** How many keys and devices a request may name. */
import { Effect } from "effect"
import type { InvalidRequest } from "../api/Problems.ts"
import type { SettingsShape } from "../config/Settings.ts"
import type { Fault } from "../domain/Errors.ts"
import type { InputBounds } from "../services/Values.ts"
import { invalid } from "./requestFaults.ts"

interface Asked {
  readonly keys?: ReadonlyArray<string>
  readonly device_ids?: ReadonlyArray<string>
}

const fault = (field: string, most: number, setting: string): Fault => ({ field, issue: `Expected at most ${most} (${setting})` })

/** The same of what is written. */
export const inputBoundsOf = ({ maxDevicesPerRequest, maxJsonDepth, maxKeysPerRequest }: SettingsShape): InputBounds => ({
  depth: maxJsonDepth,
  keys: maxKeysPerRequest,
  devices: maxDevicesPerRequest
})

/** Runs what was asked for unless it is too much. */
export const within =
  ({ maxDevicesPerRequest, maxKeysPerRequest }: Pick<SettingsShape, "maxDevicesPerRequest" | "maxKeysPerRequest">) =>
  <A, E, R>(slot: "query" | "body", { device_ids, keys }: Asked, run: Effect.Effect<A, E, R>): Effect.Effect<A, E | InvalidRequest, R> => {
    const keysFit = keys === undefined || keys.length <= maxKeysPerRequest
    const devicesFit = device_ids === undefined || device_ids.length <= maxDevicesPerRequest
    if (keysFit && devicesFit) return run
    return invalid([
      ...(keysFit ? [] : [fault(`${slot}.keys`, maxKeysPerRequest, "MAX_KEYS_PER_REQUEST")]),
      ...(devicesFit ? [] : [fault(`${slot}.device_ids`, maxDevicesPerRequest, "MAX_DEVICES_PER_REQUEST")])
    ])
  }
