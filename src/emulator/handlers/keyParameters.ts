/** How keys of telemetry and attributes are named in a query. */
export interface KeyParameters {
  readonly keys?: string
  readonly key?: ReadonlyArray<string>
}

/** `keys` is split at commas, with no escape; `key`, from 4.3, wins over it. */
export const readKeyNames = ({ key, keys }: KeyParameters, version: "4.1" | "4.3"): ReadonlyArray<string> =>
  version === "4.3" && key !== undefined ? key : keys === undefined || keys === "" ? [] : keys.split(",")
