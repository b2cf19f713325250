/** The query parameters for keys of telemetry and attributes. */
export interface KeyParameters {
  readonly keys?: string
  readonly key?: ReadonlyArray<string>
}

/** `keys` is split at commas, without an escape; `key` takes precedence and exists since 4.3 (recorded in `params-43.json`). */
export const readKeyNames = ({ key, keys }: KeyParameters, version: "4.1" | "4.3"): ReadonlyArray<string> =>
  version === "4.3" && key !== undefined ? key : keys === undefined || keys === "" ? [] : keys.split(",")
