/** Reads and writes the attributes of a device; every digit is kept. */
import { Context, Effect, Layer } from "effect"
import { AttributeScope } from "../../domain/Attribute.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { readAttributes, saveAttributes } from "../../thingsboard/requests/attributes.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { sortInSteps } from "../../domain/sortInSteps.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import type { AttributeBytes } from "../../thingsboard/responses/AttributesScanner.ts"
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import { readBody } from "../validation/readBody.ts"
import { rejectedAsInvalidInput } from "../validation/rejectedAsInvalidInput.ts"
import { type JsonReader, largeBody } from "../../json/JsonReader.ts"
import { checkLargeToken, checkToken, telemetryKeyIssue, type ValueRules, uploadWarnings } from "../validation/values.ts"

export interface AttributesWritten {
  readonly keys: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

/** Attributes between two looks at the clock. */
const perLook = 64

function* renderScope(
  scope: AttributeScope,
  found: ReadonlyArray<AttributeBytes>,
  keys: ReadonlyArray<string> | undefined,
  isTurnOver: IsTurnOver
): Steps<string> {
  const requested = keys === undefined ? undefined : new Set(keys)
  const listed = requested === undefined ? found : found.filter(({ key }) => requested.has(key))
  const fields: Array<string> = []
  for (const { key, lastUpdateTs, value } of yield* sortInSteps(listed, (a, b) => (a.key < b.key ? -1 : 1), isTurnOver)) {
    fields.push(`${JSON.stringify(key)}:{"value":${Buffer.from(value).toString()},"last_update_ts":${lastUpdateTs}}`)
    if (fields.length % perLook === 0 && isTurnOver()) yield
  }
  return `"${scope}":{${fields.join(",")}}`
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
      const eventLoop = yield* EventLoop

      /** ThingsBoard's response for all scopes does not say which scope a key belongs to, so there is one call per scope. */
      const readScope = (deviceId: string, scope: AttributeScope, keys: ReadonlyArray<string> | undefined) =>
        Effect.flatMap(forbiddenAsNotFound(readAttributes(thingsBoard, deviceId, scope, keys), "DEVICE", deviceId), (found) =>
          eventLoop.run(() => renderScope(scope, found, keys, eventLoop.isTurnOver))
        )

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
          const { json, keys, rounded } = yield* readBody(eventLoop, body, (reader, errors, at) => readValues(reader, rules, errors, at))
          const stored = saveAttributes(thingsBoard, deviceId, scope, json)
          yield* Effect.mapError(access.guard(deviceId, forbiddenAsNotFound(stored, "DEVICE", deviceId)), rejectedAsInvalidInput)
          return { keys, warnings: uploadWarnings(rounded) }
        }, withServiceSpan("Attributes.write"))
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}

/** Reads the body. `json` is the object to send: the values as received, with numbers written so that ThingsBoard keeps them as numbers. */
function* readValues(body: JsonReader, rules: ValueRules, errors: FieldErrors, at: number) {
  const tokens = new Map<string, string>()
  let rounded = 0
  let end: number
  const max = rules.limits?.maxKeys ?? Number.POSITIVE_INFINITY
  if (body.isObject(at)) {
    const fields = body.fields(at)
    while (fields.next()) {
      if (body.isTurnOver()) yield
      const { at: from, name: key } = fields
      const valueEnd = body.skip(from)
      const keyIssue = tokens.has(key) ? "Expected only once" : telemetryKeyIssue(key)
      if (keyIssue !== undefined) errors.add(`body.${key}`, keyIssue)
      const value =
        valueEnd - from < largeBody
          ? checkToken(body.textOf(from, valueEnd), rules)
          : yield* checkLargeToken(body.bytes, from, valueEnd, rules, body.isTurnOver)
      if ("issue" in value) errors.add(`body.${key}`, value.issue)
      else if (value.rounded) rounded++
      tokens.set(key, "issue" in value ? "" : value.token)
      fields.end = valueEnd
      if (tokens.size > max && body.isLarge) break
    }
    end = fields.end
  } else end = body.skip(at)
  if (tokens.size > max) errors.addFinal("body", `Expected at most ${max} attributes (MAX_KEYS_PER_REQUEST)`)
  if (tokens.size === 0) errors.add("body", "Expected an object with one or more attributes")
  if (body.isTurnOver()) yield
  const json = errors.isEmpty ? `{${[...tokens].map(([key, token]) => `${JSON.stringify(key)}:${token}`).join(",")}}` : ""
  return [{ json, keys: [...tokens.keys()], rounded }, end] as const
}
