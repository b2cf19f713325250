/** Reads, writes and deletes attributes. */
import { Clock, Effect } from "effect"
import { checkEntityType, parseUuid, findEntityForTelemetry } from "../auth/Access.ts"
import { arrayJson, emptyOk, json } from "../http/responses.ts"
import { Behavior } from "../Behavior.ts"
import type { AttributeScope } from "../store/Events.ts"
import { checkParameter } from "../http/parameters.ts"
import { readAttributes, requireStorableKeys } from "../http/payloads.ts"
import { internalError, plainText } from "../http/ErrorResponse.ts"
import { Store } from "../store/Store.ts"
import { printJson } from "../values/Value.ts"
import { type KeyParameters, readKeyNames } from "./keyParameters.ts"

const checkScope = Effect.fnUntraced(function* (scope: string) {
  const { version } = yield* Behavior
  const invalidParameter = checkParameter(version, "scope", scope)
  return invalidParameter === undefined ? (scope as AttributeScope) : yield* invalidParameter
})

/** The attributes of one scope, or of all three. */
const read = Effect.fnUntraced(function* (type: string, id: string, scope: string | undefined) {
  const { attributes } = yield* Store
  const checked = scope === undefined ? undefined : yield* checkScope(scope)
  return attributes.read(yield* findEntityForTelemetry(type, id), checked)
})

export const listAttributes = Effect.fnUntraced(function* (type: string, id: string, scope: string | undefined, parameters: KeyParameters) {
  const { version } = yield* Behavior
  const names = new Set(readKeyNames(parameters, version))
  const stored = yield* read(type, id, scope)
  yield* requireStorableKeys(names)
  const found = stored.filter(({ key }) => names.size === 0 || names.has(key))
  return json(
    arrayJson(
      found.map(
        ({ key, lastUpdateTs, value }) => `{"lastUpdateTs":${lastUpdateTs},"key":${JSON.stringify(key)},"value":${printJson(value)}}`
      )
    )
  )
})

export const listAttributeKeys = (type: string, id: string, scope?: string) =>
  Effect.map(read(type, id, scope), (found) => json(JSON.stringify([...new Set(found.map(({ key }) => key))])))

/** `route` only matters for the error message about a missing body. */
export const saveAttributes = Effect.fnUntraced(function* (type: string, id: string, givenScope: string, body: string, route: "V1" | "V2") {
  const { version } = yield* Behavior
  const { attributes } = yield* Store
  const scope = yield* checkScope(givenScope)
  yield* checkEntityType(type)
  yield* parseUuid(id)
  if (body === "") {
    const bodyType = version === "4.1" ? "com.fasterxml.jackson.databind.JsonNode" : "java.lang.String"
    return yield* internalError(
      `Required request body is missing: public org.springframework.web.context.request.async.DeferredResult<org.springframework.http.ResponseEntity> org.thingsboard.server.controller.TelemetryController.saveEntityAttributes${route}(java.lang.String,java.lang.String,org.thingsboard.server.common.data.AttributeScope,${bodyType}) throws org.thingsboard.server.common.data.exception.ThingsboardException`
    )
  }
  if (scope === "CLIENT_SCOPE") return yield* plainText(400, "Invalid scope: CLIENT_SCOPE")
  const pairs = yield* readAttributes(body, version)
  const entity = yield* findEntityForTelemetry(type, id)
  yield* requireStorableKeys(pairs.map(([key]) => key))
  attributes.save(entity, scope, pairs, yield* Clock.currentTimeMillis)
  return emptyOk
})

export const deleteAttributes = Effect.fnUntraced(function* (type: string, id: string, givenScope: string, parameters: KeyParameters) {
  const { version } = yield* Behavior
  const { attributes } = yield* Store
  const scope = yield* checkScope(givenScope)
  const names = readKeyNames(parameters, version)
  if (names.length === 0) return yield* plainText(400, "Empty keys: []")
  const entity = yield* findEntityForTelemetry(type, id)
  yield* requireStorableKeys(names)
  attributes.remove(entity, scope, names)
  return emptyOk
})
