/** Attributes: named values of a device without a history. */
import { Schema } from "effect"
import { Timestamp, Value } from "./Telemetry.ts"

/** ThingsBoard's three scopes, by the names of this API. */
export const AttributeScope = Schema.Literals(["server", "shared", "client"]).annotate({
  identifier: "AttributeScope",
  description: "server: kept by the platform only; shared: also pushed to the device; client: reported by the device."
})
export type AttributeScope = typeof AttributeScope.Type

export const AttributeScopeName = { server: "SERVER_SCOPE", shared: "SHARED_SCOPE", client: "CLIENT_SCOPE" } as const
export type AttributeScopeName = (typeof AttributeScopeName)[AttributeScope]

export const Attribute = Schema.Struct({ value: Value, last_update_ts: Timestamp }).annotate({
  identifier: "Attribute",
  description: "A value and when it was last written.",
  examples: [{ value: "Hall", last_update_ts: 1_700_000_000_000 }]
})
export type Attribute = typeof Attribute.Type
