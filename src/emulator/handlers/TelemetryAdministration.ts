import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findEntityForTelemetry } from "../auth/Access.ts"
import { emptyOk } from "../http/responses.ts"
import { Behavior } from "../Behavior.ts"
import { readText } from "../http/bodies.ts"
import { checkParameter } from "../http/parameters.ts"
import { requireStorableKeys } from "../http/payloads.ts"
import { plainText } from "../http/ErrorResponse.ts"
import { Store } from "../store/Store.ts"
import { listAttributeKeys, deleteAttributes, saveAttributes } from "./attributes.ts"
import { type KeyParameters, readKeyNames } from "./keyParameters.ts"
import { saveTelemetry } from "./Telemetry.ts"

interface Deletion extends KeyParameters {
  readonly deleteAllDataForKeys?: boolean
  readonly startTs?: number
  readonly endTs?: number
  readonly deleteLatest?: boolean
  readonly rewriteLatestIfDeleted?: boolean
}

/** `deleteAllDataForKeys` deletes everything until now; later points stay. */
const deleteTelemetry = Effect.fnUntraced(function* (type: string, id: string, deletion: Deletion) {
  const { version } = yield* Behavior
  const { telemetry } = yield* Store
  const names = readKeyNames(deletion, version)
  if (names.length === 0) return yield* plainText(400, "Empty keys: []")
  const deletesAll = deletion.deleteAllDataForKeys === true
  const { endTs, startTs } = deletesAll ? { startTs: 0, endTs: yield* Clock.currentTimeMillis } : deletion
  if (startTs === undefined || endTs === undefined) {
    return yield* plainText(400, "When deleteAllDataForKeys is false, start and end timestamp values shouldn't be empty")
  }
  const entity = yield* findEntityForTelemetry(type, id)
  yield* requireStorableKeys(names)
  const { deleteLatest: latestToo = true, rewriteLatestIfDeleted: rewriteLatest = false } = deletion
  for (const key of names) telemetry.remove(entity, key, { startTs, endTs, deleteLatest: latestToo, rewriteLatest })
  return emptyOk
})

export const TelemetryAdministrationLayer = HttpApiBuilder.group(
  AdministrationApi,
  "telemetryAdministration",
  Effect.fnUntraced(function* (handlers) {
    const { version } = yield* Behavior
    return handlers
      .handleRaw("saveTelemetryWithTtl", ({ params, request }) =>
        Effect.gen(function* () {
          // The points never expire: of ThingsBoard's databases, only Cassandra applies the TTL.
          const invalidParameter = checkParameter(version, "ttl", params.ttl)
          if (invalidParameter !== undefined) return yield* invalidParameter
          return yield* saveTelemetry(params.entityType, params.entityId, yield* readText(request))
        })
      )
      .handle("deleteTelemetry", ({ params, query }) => deleteTelemetry(params.entityType, params.entityId, query))
      .handle("attributeKeys", ({ params }) => listAttributeKeys(params.entityType, params.entityId))
      .handle("attributeKeysOfScope", ({ params }) => listAttributeKeys(params.entityType, params.entityId, params.scope))
      .handleRaw("saveAttributesV1", ({ params, request }) =>
        Effect.flatMap(readText(request), (body) => saveAttributes(params.entityType, params.entityId, params.scope, body, "V1"))
      )
      .handle("deleteAttributes", ({ params, query }) => deleteAttributes(params.entityType, params.entityId, params.scope, query))
  })
)
