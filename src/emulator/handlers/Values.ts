import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findForTelemetry } from "../Access.ts"
import { done } from "../responses.ts"
import { Behaviour } from "../Behaviour.ts"
import { readText } from "../bodies.ts"
import { checkParameter } from "../parameters.ts"
import { text } from "../ErrorResponse.ts"
import { Store } from "../Store.ts"
import { attributeKeys, deleteAttributes, saveAttributes } from "./attributes.ts"
import { type Named, namesOf } from "./names.ts"
import { saveTelemetry } from "./Telemetry.ts"

interface Deletion extends Named {
  readonly deleteAllDataForKeys?: boolean
  readonly startTs?: number
  readonly endTs?: number
  readonly deleteLatest?: boolean
  readonly rewriteLatestIfDeleted?: boolean
}

/** "All" is all until now: points of the future stay. */
const deleteTelemetry = Effect.fnUntraced(function* (type: string, id: string, deletion: Deletion) {
  const { version } = yield* Behaviour
  const { telemetry } = yield* Store
  const names = namesOf(deletion, version)
  if (names.length === 0) return yield* text(400, "Empty keys: []")
  const all = deletion.deleteAllDataForKeys === true
  const { endTs, startTs } = all ? { startTs: 0, endTs: yield* Clock.currentTimeMillis } : deletion
  if (startTs === undefined || endTs === undefined) {
    return yield* text(400, "When deleteAllDataForKeys is false, start and end timestamp values shouldn't be empty")
  }
  const entity = yield* findForTelemetry(type, id)
  const { deleteLatest: latestToo = true, rewriteLatestIfDeleted: rewriteLatest = false } = deletion
  for (const key of names) telemetry.remove(entity, key, { startTs, endTs, latestToo, rewriteLatest })
  return done
})

export const ValuesLayer = HttpApiBuilder.group(
  AdministrationApi,
  "values",
  Effect.fnUntraced(function* (handlers) {
    const { version } = yield* Behaviour
    return handlers
      .handleRaw("saveTelemetryWithTtl", ({ params, request }) =>
        Effect.gen(function* () {
          // The points are kept for good: only Cassandra forgets.
          const refusal = checkParameter(version, "ttl", params.ttl)
          if (refusal !== undefined) return yield* refusal
          return yield* saveTelemetry(params.entityType, params.entityId, yield* readText(request))
        })
      )
      .handle("deleteTelemetry", ({ params, query }) => deleteTelemetry(params.entityType, params.entityId, query))
      .handle("attributeKeys", ({ params }) => attributeKeys(params.entityType, params.entityId))
      .handle("attributeKeysOfScope", ({ params }) => attributeKeys(params.entityType, params.entityId, params.scope))
      .handleRaw("saveAttributesV1", ({ params, request }) =>
        Effect.flatMap(readText(request), (body) => saveAttributes(params.entityType, params.entityId, params.scope, body, "V1"))
      )
      .handle("deleteAttributes", ({ params, query }) => deleteAttributes(params.entityType, params.entityId, params.scope, query))
  })
)
