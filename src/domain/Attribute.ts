/** Attributes: named values of a device. Only the current value is stored. */
import { Schema } from "effect"
import { Timestamp, Value } from "./Telemetry.ts"

/** ThingsBoard's three attribute scopes, as this API names them. */
export const AttributeScope = Schema.Literals(["server", "shared", "client"]).annotate({
  identifier: "AttributeScope",
  description: "server: stored on the platform only; shared: also pushed to the device; client: reported by the device."
})
export type AttributeScope = typeof AttributeScope.Type

/** ThingsBoard's names of the scopes. Responses to writes use them too, as the FastAPI proxy did. */
export const AttributeScopeName = { server: "SERVER_SCOPE", shared: "SHARED_SCOPE", client: "CLIENT_SCOPE" } as const
export type AttributeScopeName = (typeof AttributeScopeName)[AttributeScope]

export const Attribute = Schema.Struct({ value: Value, last_update_ts: Timestamp }).annotate({
  identifier: "AttributeValue",
  description: "A value and the time of its last update.",
  examples: [{ value: "Hall", last_update_ts: 1_700_000_000_000 }]
})
export type Attribute = typeof Attribute.Type
