/** Attributes of a device, read and written without touching a digit. */
import { Context, Effect, Layer } from "effect"
import { Scope, ScopeName, type Scope as ScopeType } from "../domain/Attribute.ts"
import { type EntityNotFound, InvalidInput } from "../domain/Errors.ts"
import { parse } from "../domain/ExactJson.ts"
import { scanAttributes } from "../thingsboard/AttributesScanner.ts"
import { attributesPath, saveAttributesPath } from "../thingsboard/Paths.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { Access } from "./Access.ts"
import { hiddenAsMissing } from "./hiddenAsMissing.ts"
import { checkValue, Faults, isObject, keyIssue, type Rules, warningsOf } from "./Points.ts"

export interface Written {
  readonly keys: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

export class Attributes extends Context.Service<
  Attributes,
  {
    /** `{"scope":{"key":{"value":…,"last_update_ts":…},…},…}` of the scope, or of all three. */
    readonly read: (
      deviceId: string,
      scope: ScopeType | undefined,
      keys: ReadonlyArray<string> | undefined
    ) => Effect.Effect<string, EntityNotFound | ThingsBoardError>
    /** Writes an object of values; `null`, an empty object and text that would become a number are refused. */
    readonly write: (
      deviceId: string,
      scope: "server" | "shared",
      body: string,
      rules: Rules
    ) => Effect.Effect<Written, EntityNotFound | InvalidInput | ThingsBoardError>
  }
>()("boardwalk/services/Attributes") {
  static readonly layer = Layer.effect(
    Attributes,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* Access

      /** ThingsBoard's merged answer does not say which scope a key is of: one call a scope. */
      const readScope = (deviceId: string, scope: ScopeType, keys: ReadonlyArray<string> | undefined) =>
        hiddenAsMissing(thingsBoard.get(attributesPath(deviceId, ScopeName[scope], keys)), "DEVICE", deviceId).pipe(
          Effect.flatMap(scanAttributes),
          Effect.map((found) => {
            const members = found
              .filter(({ key }) => keys === undefined || keys.includes(key))
              .toSorted((a, b) => (a.key < b.key ? -1 : 1))
              .map(
                ({ key, lastUpdateTs, value }) =>
                  `${JSON.stringify(key)}:{"value":${Buffer.from(value).toString()},"last_update_ts":${lastUpdateTs}}`
              )
            return `"${scope}":{${members.join(",")}}`
          })
        )

      return {
        read: Effect.fn("Attributes.read")(function* (deviceId, scope, keys) {
          const scopes = scope === undefined ? Scope.literals : [scope]
          const parts = yield* access.guard(
            deviceId,
            Effect.forEach(scopes, (one) => readScope(deviceId, one, keys), { concurrency: scopes.length })
          )
          return `{${parts.join(",")}}`
        }),

        write: Effect.fn("Attributes.write")(function* (deviceId, scope, body, rules) {
          const { json, keys, rounded } = yield* checked(body, rules)
          const stored = thingsBoard.post(saveAttributesPath(deviceId, ScopeName[scope]), json, { idempotent: true })
          yield* access.guard(deviceId, hiddenAsMissing(stored, "DEVICE", deviceId))
          return { keys, warnings: warningsOf(rounded) }
        })
      }
    })
  ).pipe(Layer.provide(Access.layer))
}

const checked = (text: string, rules: Rules) =>
  Effect.suspend(() => {
    const faults = new Faults()
    const members: Array<string> = []
    const keys: Array<string> = []
    let rounded = 0
    const body = parsed(text)
    if (body === undefined) faults.add("body", "Expected valid JSON")
    else if (!isObject(body) || Object.keys(body).length === 0) faults.add("body", "Expected an object with one or more attributes")
    else {
      for (const key of Object.keys(body)) {
        const issue = keyIssue(key)
        if (issue !== undefined) faults.add(key.slice(0, 64), issue)
        const value = checkValue(body[key]!, rules)
        if ("issue" in value) {
          faults.add(key.slice(0, 64), value.issue)
          continue
        }
        if (value.rounded) rounded++
        keys.push(key)
        members.push(`${JSON.stringify(key)}:${value.token}`)
      }
    }
    return faults.isEmpty
      ? Effect.succeed({ json: `{${members.join(",")}}`, keys, rounded })
      : Effect.fail(new InvalidInput({ faults: faults.all }))
  })

const parsed = (text: string) => {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}
