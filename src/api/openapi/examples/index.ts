import { assets } from "./Assets.ts"
import { attributes } from "./Attributes.ts"
import { devices } from "./Devices.ts"
import { graph } from "./Graph.ts"
import type { Examples } from "./model.ts"
import { system } from "./System.ts"
import { telemetryReads } from "./TelemetryReads.ts"
import { telemetryWrites } from "./TelemetryWrites.ts"

export const examples: Examples = { ...devices, ...assets, ...graph, ...telemetryReads, ...telemetryWrites, ...attributes, ...system }

/** Example values of path parameters. */
export { assetId, batchId, deviceId } from "./model.ts"
