/** Reads and writes the attributes of a device; every digit is kept. */
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
    /** Returns `{"scope":{"key":{"value":…,"last_update_ts":…},…},…}` for the scope, or for all three scopes. */
    readonly read: (
      deviceId: string,
      scope: AttributeScope | undefined,
      keys: ReadonlyArray<string> | undefined
    ) => Effect.Effect<string, EntityNotFound | ThingsBoardError>
    /** Writes an object of values. Rejects `null`, an empty object, and text that would become a number. */
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

      /** ThingsBoard's response for all scopes does not say which scope a key belongs to, so there is one call per scope. */
      const readScope = (deviceId: string, scope: AttributeScope, keys: ReadonlyArray<string> | undefined) =>
        Effect.map(forbiddenAsNotFound(readAttributes(thingsBoard, deviceId, scope, keys), "DEVICE", deviceId), (found) => {
          const fields = found
            .filter(({ key }) => keys === undefined || keys.includes(key))
            .toSorted((a, b) => (a.key < b.key ? -1 : 1))
            .map(
              ({ key, lastUpdateTs, value }) =>
                `${JSON.stringify(key)}:{"value":${Buffer.from(value).toString()},"last_update_ts":${lastUpdateTs}}`
            )
          return `"${scope}":{${fields.join(",")}}`
        })

      return {
        read: Effect.fnUntraced(function* (deviceId, scope, keys) {
          const scopes = scope === undefined ? AttributeScope.literals : [scope]
          const parts = yield* access.guard(
            deviceId,
            Effect.forEach(scopes, (each) => readScope(deviceId, each, keys), { concurrency: scopes.length })
          )
          return `{${parts.join(",")}}`
        }, withServiceSpan("Attributes.read")),

        write: Effect.fnUntraced(function* (deviceId, scope, body, rules) {
          const errors = new FieldErrors()
          const { json, keys, rounded } = yield* readJson(new JsonReader(body), errors, (reader) => readValues(reader, rules, errors))
          const stored = saveAttributes(thingsBoard, deviceId, scope, json)
          yield* Effect.mapError(access.guard(deviceId, forbiddenAsNotFound(stored, "DEVICE", deviceId)), rejectedAsInvalidInput)
          return { keys, warnings: uploadWarnings(rounded) }
        }, withServiceSpan("Attributes.write"))
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}

/** Reads the body. `json` is the object to send: the values as received, with numbers written so that ThingsBoard keeps them as numbers. */
const readValues = (body: JsonReader, rules: ValueRules, errors: FieldErrors) => {
  const tokens = new Map<string, string>()
  let rounded = 0
  body.read((at) => {
    const end = body.isObject(at)
      ? body.readFields(at, (key, valueAt) => {
          const valueEnd = body.skip(valueAt)
          const keyIssue = tokens.has(key) ? "Expected only once" : telemetryKeyIssue(key)
          if (keyIssue !== undefined) errors.add(key, keyIssue)
          const value = checkToken(body.textOf(valueAt, valueEnd), rules)
          if ("issue" in value) errors.add(key, value.issue)
          else if (value.rounded) rounded++
          tokens.set(key, "issue" in value ? "" : value.token)
          return valueEnd
        })
      : body.skip(at)
    const max = rules.limits?.maxKeys
    if (max !== undefined && tokens.size > max) errors.add("body", `Expected at most ${max} attributes (MAX_KEYS_PER_REQUEST)`)
    if (tokens.size === 0) errors.add("body", "Expected an object with one or more attributes")
    return end
  })
  const json = `{${[...tokens].map(([key, token]) => `${JSON.stringify(key)}:${token}`).join(",")}}`
  return { json, keys: [...tokens.keys()], rounded }
}
