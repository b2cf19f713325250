/** Attributes of a device, read and written without touching a digit. */
import { Context, Effect, Layer } from "effect"
import { AttributeScope } from "../../domain/Attribute.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { readAttributes, saveAttributes } from "../../thingsboard/requests/attributes.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { FieldErrors } from "../../domain/FieldErrors.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import { rejectedAsInvalidInput } from "../validation/rejectedAsInvalidInput.ts"
import { JsonReader, readJson } from "../../json/JsonReader.ts"
import { checkToken, telemetryKeyIssue, type ValueRules, uploadWarnings } from "../validation/values.ts"

export interface AttributesWritten {
  readonly keys: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

export class Attributes extends Context.Service<
  Attributes,
  {
    /** `{"scope":{"key":{"value":…,"last_update_ts":…},…},…}` of the scope, or of all three. */
    readonly read: (
      deviceId: string,
      scope: AttributeScope | undefined,
      keys: ReadonlyArray<string> | undefined
    ) => Effect.Effect<string, EntityNotFound | ThingsBoardError>
    /** Writes an object of values; `null`, an empty object and text that would become a number are refused. */
    readonly write: (
      deviceId: string,
      scope: "server" | "shared",
      body: string | Uint8Array,
      rules: ValueRules
    ) => Effect.Effect<AttributesWritten, EntityNotFound | InvalidInput | ThingsBoardError>
  }
>()("boardwalk/services/attributes/Attributes") {
  static readonly layer = Layer.effect(
    Attributes,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess

      /** ThingsBoard's merged answer does not say which scope a key is of: one call a scope. */
      const readScope = (deviceId: string, scope: AttributeScope, keys: ReadonlyArray<string> | undefined) =>
        Effect.map(forbiddenAsNotFound(readAttributes(thingsBoard, deviceId, scope, keys), "DEVICE", deviceId), (found) => {
          const members = found
            .filter(({ key }) => keys === undefined || keys.includes(key))
            .toSorted((a, b) => (a.key < b.key ? -1 : 1))
            .map(
              ({ key, lastUpdateTs, value }) =>
                `${JSON.stringify(key)}:{"value":${Buffer.from(value).toString()},"last_update_ts":${lastUpdateTs}}`
            )
          return `"${scope}":{${members.join(",")}}`
        })

      return {
        read: Effect.fnUntraced(function* (deviceId, scope, keys) {
          const scopes = scope === undefined ? AttributeScope.literals : [scope]
          const parts = yield* access.guard(
            deviceId,
            Effect.forEach(scopes, (one) => readScope(deviceId, one, keys), { concurrency: scopes.length })
          )
          return `{${parts.join(",")}}`
        }, withServiceSpan("Attributes.read")),

        write: Effect.fnUntraced(function* (deviceId, scope, body, rules) {
          const faults = new FieldErrors()
          const { json, keys, rounded } = yield* readJson(new JsonReader(body), faults, (read) => readValues(read, rules, faults))
          const stored = saveAttributes(thingsBoard, deviceId, scope, json)
          yield* Effect.mapError(access.guard(deviceId, forbiddenAsNotFound(stored, "DEVICE", deviceId)), rejectedAsInvalidInput)
          return { keys, warnings: uploadWarnings(rounded) }
        }, withServiceSpan("Attributes.write"))
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}

/** The object to send: the members as they came, numbers spelt so that they stay numbers. */
const readValues = (body: JsonReader, rules: ValueRules, faults: FieldErrors) => {
  const members = new Map<string, string>()
  let rounded = 0
  body.read((at) => {
    const end = body.isObject(at)
      ? body.members(at, (key, valueAt) => {
          const valueEnd = body.skip(valueAt)
          const keyFault = members.has(key) ? "Expected only once" : telemetryKeyIssue(key)
          if (keyFault !== undefined) faults.add(key, keyFault)
          const value = checkToken(body.token(valueAt, valueEnd), rules)
          if ("issue" in value) faults.add(key, value.issue)
          else if (value.rounded) rounded++
          members.set(key, "issue" in value ? "" : value.token)
          return valueEnd
        })
      : body.skip(at)
    const most = rules.bounds?.keys
    if (most !== undefined && members.size > most) faults.add("body", `Expected at most ${most} attributes (MAX_KEYS_PER_REQUEST)`)
    if (members.size === 0) faults.add("body", "Expected an object with one or more attributes")
    return end
  })
  const json = `{${[...members].map(([key, token]) => `${JSON.stringify(key)}:${token}`).join(",")}}`
  return { json, keys: [...members.keys()], rounded }
}
