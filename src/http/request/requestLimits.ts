/** How many keys and devices a request may name. */
import { Effect } from "effect"
import type { InvalidRequest } from "../../api/Problems.ts"
import type { SettingsShape } from "../../config/Settings.ts"
import type { FieldError } from "../../domain/Errors.ts"
import type { InputLimits } from "../../services/validation/values.ts"
import { failInvalid } from "./validation.ts"

interface Asked {
  readonly keys?: ReadonlyArray<string>
  readonly device_ids?: ReadonlyArray<string>
}

const fault = (field: string, most: number, setting: string): FieldError => ({ field, issue: `Expected at most ${most} (${setting})` })

/** The same of what is written. */
export const inputLimitsOf = ({ maxDevicesPerRequest, maxJsonDepth, maxKeysPerRequest }: SettingsShape): InputLimits => ({
  maxDepth: maxJsonDepth,
  maxKeys: maxKeysPerRequest,
  maxDevices: maxDevicesPerRequest
})

/** Runs what was asked for unless it is too much. */
export const checkCounts =
  ({ maxDevicesPerRequest, maxKeysPerRequest }: Pick<SettingsShape, "maxDevicesPerRequest" | "maxKeysPerRequest">) =>
  <A, E, R>(slot: "query" | "body", { device_ids, keys }: Asked, run: Effect.Effect<A, E, R>): Effect.Effect<A, E | InvalidRequest, R> => {
    const keysFit = keys === undefined || keys.length <= maxKeysPerRequest
    const devicesFit = device_ids === undefined || device_ids.length <= maxDevicesPerRequest
    if (keysFit && devicesFit) return run
    return failInvalid([
      ...(keysFit ? [] : [fault(`${slot}.keys`, maxKeysPerRequest, "MAX_KEYS_PER_REQUEST")]),
      ...(devicesFit ? [] : [fault(`${slot}.device_ids`, maxDevicesPerRequest, "MAX_DEVICES_PER_REQUEST")])
    ])
  }
