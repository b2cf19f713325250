/** Parses the clients' messages: `{"authCmd", "cmds"}`, or the older endpoint's lists, one per type of command. */
import { arrayOf, numberOf, objectOf, textOf } from "../http/bodies.ts"
import { type EntityQuery, findKeyTypeError, readEntityQuery, readKeys } from "../queries/entityQuery.ts"
import { JsonError, JsonObject, parseJackson } from "../values/Json.ts"

export interface Command {
  readonly type: string
  /** Chosen by the client; responses and updates repeat it. */
  readonly cmdId: number
  readonly json: JsonObject
  readonly query: EntityQuery | undefined
}

export interface Message {
  /** Undefined without an `authCmd`. */
  readonly auth: { readonly token: string } | undefined
  readonly commands: ReadonlyArray<Command>
}

/** The message format: "general" on `/api/ws`, "telemetry" on the older endpoint. */
export type Protocol = "general" | "telemetry"

const types = new Set([
  "ATTRIBUTES",
  "TIMESERIES",
  "TIMESERIES_HISTORY",
  "ENTITY_DATA",
  "ENTITY_COUNT",
  "ALARM_DATA",
  "ALARM_COUNT",
  "ALARM_STATUS",
  "NOTIFICATIONS",
  "NOTIFICATIONS_COUNT",
  "MARK_NOTIFICATIONS_AS_READ",
  "MARK_ALL_NOTIFICATIONS_AS_READ",
  "ENTITY_DATA_UNSUBSCRIBE",
  "ENTITY_COUNT_UNSUBSCRIBE",
  "ALARM_DATA_UNSUBSCRIBE",
  "ALARM_COUNT_UNSUBSCRIBE",
  "ALARM_STATUS_UNSUBSCRIBE",
  "NOTIFICATIONS_UNSUBSCRIBE"
])

/** The lists of the older endpoint, in the order in which ThingsBoard handles them, and the type of their commands. */
const legacyLists: Readonly<Record<string, string>> = {
  attrSubCmds: "ATTRIBUTES",
  tsSubCmds: "TIMESERIES",
  historyCmds: "TIMESERIES_HISTORY",
  entityDataCmds: "ENTITY_DATA",
  entityDataUnsubscribeCmds: "ENTITY_DATA_UNSUBSCRIBE",
  alarmDataCmds: "ALARM_DATA",
  alarmDataUnsubscribeCmds: "ALARM_DATA_UNSUBSCRIBE",
  entityCountCmds: "ENTITY_COUNT",
  entityCountUnsubscribeCmds: "ENTITY_COUNT_UNSUBSCRIBE",
  alarmCountCmds: "ALARM_COUNT",
  alarmCountUnsubscribeCmds: "ALARM_COUNT_UNSUBSCRIBE"
}

const fail = (message: string): never => {
  throw new JsonError(message, false)
}

/** Jackson rejects unknown fields. */
const checkFields = (json: JsonObject, known: ReadonlyArray<string>) => {
  for (const name of json.fields.keys()) if (!known.includes(name)) fail(`Unrecognized field "${name}"`)
}

const readCommand = (type: string, json: JsonObject): Command => {
  if (!types.has(type)) fail(`Could not resolve type id '${type}'`)
  const given = type === "ENTITY_DATA" || type === "ENTITY_COUNT" ? objectOf(json, "query") : undefined
  const query = given && readEntityQuery(given)
  if (typeof query === "string") return fail(query)
  const keyTypeError = findKeyTypeError(readKeys(objectOf(json, "latestCmd"), "keys"))
  if (keyTypeError !== undefined) return fail(keyTypeError)
  return { type, cmdId: numberOf(json, "cmdId") ?? 0, json, query }
}

const readCommands = (json: JsonObject, list: string, typeOf: (command: JsonObject) => string) =>
  (arrayOf(json, list) ?? []).map((command) =>
    command instanceof JsonObject ? readCommand(typeOf(command), command) : fail("Cannot construct a command")
  )

/** Throws a `JsonError`: one malformed command makes the whole message fail. */
export const readMessage = (text: string, protocol: Protocol): Message => {
  const json = parseJackson(text)
  if (!(json instanceof JsonObject)) return fail("Cannot deserialize value")
  if (protocol === "telemetry") {
    checkFields(json, Object.keys(legacyLists))
    return { auth: undefined, commands: Object.entries(legacyLists).flatMap(([list, type]) => readCommands(json, list, () => type)) }
  }
  checkFields(json, ["authCmd", "cmds"])
  const auth = objectOf(json, "authCmd")
  if (auth !== undefined) checkFields(auth, ["cmdId", "token", "type"])
  return {
    auth: auth && { token: textOf(auth, "token") ?? "" },
    commands: readCommands(json, "cmds", (command) => textOf(command, "type") ?? "")
  }
}
