/**
 * How devices are connected: the transport type of a device profile, and the transport configuration of a device, as JSON text.
 * From ThingsBoard's source: `DeviceServiceImpl.syncDeviceData` and the classes of `DeviceTransportConfiguration`.
 */
import { type Json, JsonNumber, JsonObject, printTree } from "../values/Json.ts"

export const transportTypes = ["DEFAULT", "MQTT", "COAP", "LWM2M", "SNMP"] as const
export type TransportType = (typeof transportTypes)[number]

export const isTransportType = (type: unknown): type is TransportType => transportTypes.includes(type as TransportType)

const powerSaving = { powerMode: null, psmActivityTimer: null, edrxCycle: null, pagingTransmissionWindow: null }

/** The declared fields of each class with their defaults, in the order of its declaration. */
const declared: Record<TransportType, Record<string, Json>> = {
  DEFAULT: {},
  MQTT: {},
  COAP: powerSaving,
  LWM2M: powerSaving,
  SNMP: {
    host: "localhost",
    port: new JsonNumber("161"),
    protocolVersion: "V2C",
    community: "public",
    username: null,
    securityName: null,
    contextName: null,
    authenticationProtocol: null,
    authenticationPassphrase: null,
    privacyProtocol: null,
    privacyPassphrase: null,
    engineId: null
  }
}

/** These classes keep any other field; the others drop it. */
const keepsAnyField: ReadonlySet<TransportType> = new Set(["MQTT", "COAP", "LWM2M"])

const isBlank = (value: Json | undefined) => typeof value !== "string" || value.trim() === ""

const isValidSnmp = (fields: ReadonlyMap<string, Json>): boolean => {
  const has = (name: string) => (fields.get(name) ?? null) !== null
  if (isBlank(fields.get("host")) || !has("port") || !has("protocolVersion")) return false
  if (fields.get("protocolVersion") !== "V3") return has("community") && fields.get("community") !== ""
  return (
    ["username", "securityName", "authenticationPassphrase", "privacyPassphrase"].every((name) => !isBlank(fields.get(name))) &&
    ["contextName", "authenticationProtocol", "privacyProtocol", "engineId"].every(has)
  )
}

const complete = (type: TransportType, given: ReadonlyMap<string, Json>): ReadonlyMap<string, Json> => {
  const fields = new Map<string, Json>([["type", type], ...Object.entries(declared[type])])
  for (const [name, value] of given) if (name !== "type" && (fields.has(name) || keepsAnyField.has(type))) fields.set(name, value)
  return fields
}

/** The configuration that ThingsBoard stores when it is sent `given`, as JSON text (null for the default transport), or why it is rejected. */
export const toTransportConfiguration = (
  transportType: TransportType,
  given: JsonObject | undefined
): { readonly json: string | null } | "invalid" | "unknown type" => {
  const type = given === undefined ? transportType : given.get("type")
  if (!isTransportType(type)) return "unknown type"
  const fields = complete(type, given?.fields ?? new Map())
  if (type === "SNMP" && !isValidSnmp(fields)) return "invalid"
  // A configuration of another type than the profile's is replaced with the defaults of the profile's type.
  const stored = type === transportType ? fields : complete(transportType, new Map())
  return { json: transportType === "DEFAULT" ? null : printTree(new JsonObject(stored)) }
}
