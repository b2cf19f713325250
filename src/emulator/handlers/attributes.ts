/** Attributes: read, written and deleted by scope. */
import { Clock, Effect } from "effect"
import { checkEntityType, checkUuid, findForTelemetry } from "../Access.ts"
import { array, done, json } from "../responses.ts"
import { Behaviour } from "../Behaviour.ts"
import type { AttributeScope } from "../Events.ts"
import { checkParameter } from "../parameters.ts"
import { readAttributes } from "../payloads.ts"
import { internal, text } from "../ErrorResponse.ts"
import { Store } from "../Store.ts"
import { printJson } from "../Value.ts"
import { type Named, namesOf } from "./names.ts"

const checkScope = Effect.fnUntraced(function* (scope: string) {
  const { version } = yield* Behaviour
  const refusal = checkParameter(version, "scope", scope)
  return refusal === undefined ? (scope as AttributeScope) : yield* refusal
})

/** Of one scope, or of all three without telling which. */
const read = Effect.fnUntraced(function* (type: string, id: string, scope: string | undefined) {
  const { attributes } = yield* Store
  const checked = scope === undefined ? undefined : yield* checkScope(scope)
  return attributes.read(yield* findForTelemetry(type, id), checked)
})

export const attributesLike = Effect.fnUntraced(function* (type: string, id: string, scope: string | undefined, named: Named) {
  const { version } = yield* Behaviour
  const names = new Set(namesOf(named, version))
  const found = (yield* read(type, id, scope)).filter(({ key }) => names.size === 0 || names.has(key))
  return json(
    array(
      found.map(
        ({ key, lastUpdateTs, value }) => `{"lastUpdateTs":${lastUpdateTs},"key":${JSON.stringify(key)},"value":${printJson(value)}}`
      )
    )
  )
})

export const attributeKeys = (type: string, id: string, scope?: string) =>
  Effect.map(read(type, id, scope), (found) => json(JSON.stringify([...new Set(found.map(({ key }) => key))])))

/** `route` only shows in what is said about a missing body. */
export const saveAttributes = Effect.fnUntraced(function* (type: string, id: string, givenScope: string, body: string, route: "V1" | "V2") {
  const { version } = yield* Behaviour
  const { attributes } = yield* Store
  const scope = yield* checkScope(givenScope)
  yield* checkEntityType(type)
  yield* checkUuid(id)
  if (body === "") {
    const bodyType = version === "4.1" ? "com.fasterxml.jackson.databind.JsonNode" : "java.lang.String"
    return yield* internal(
      `Required request body is missing: public org.springframework.web.context.request.async.DeferredResult<org.springframework.http.ResponseEntity> org.thingsboard.server.controller.TelemetryController.saveEntityAttributes${route}(java.lang.String,java.lang.String,org.thingsboard.server.common.data.AttributeScope,${bodyType}) throws org.thingsboard.server.common.data.exception.ThingsboardException`
    )
  }
  if (scope === "CLIENT_SCOPE") return yield* text(400, "Invalid scope: CLIENT_SCOPE")
  const pairs = yield* readAttributes(body, version)
  attributes.save(yield* findForTelemetry(type, id), scope, pairs, yield* Clock.currentTimeMillis)
  return done
})

export const deleteAttributes = Effect.fnUntraced(function* (type: string, id: string, givenScope: string, named: Named) {
  const { version } = yield* Behaviour
  const { attributes } = yield* Store
  const scope = yield* checkScope(givenScope)
  const names = namesOf(named, version)
  if (names.length === 0) return yield* text(400, "Empty keys: []")
  attributes.remove(yield* findForTelemetry(type, id), scope, names)
  return done
})
