import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi, GatewayApi } from "../api/EmulatorApi.ts"
import { findRelationEnd, isVisible } from "../auth/Access.ts"
import { arrayJson, emptyOk, json } from "../http/responses.ts"
import { arrayOf, numberOf, objectOf, jsonParseError, readObject, textOf } from "../http/bodies.ts"
import { Caller } from "../auth/Caller.ts"
import { entityIdJson } from "../http/entityJson.ts"
import { JsonObject, printTree } from "../values/Json.ts"
import { conditionsNotMet, itemNotFound, type ErrorResponse } from "../http/ErrorResponse.ts"
import type { Direction, Relation } from "../store/Relations.ts"
import { Store } from "../store/Store.ts"

type Detail = "relations" | "infos"

/** Infos have the name of the far end only. */
const relationJson = (store: Store["Service"], relation: Relation, direction: Direction, detail: Detail) => {
  const name = (id: string) => JSON.stringify(store.directory.get(id)?.name ?? store.alarms.get(id)?.type ?? "N/A")
  const names =
    detail === "relations"
      ? ""
      : direction === "FROM"
        ? `,"fromName":null,"toName":${name(relation.toId)}`
        : `,"fromName":${name(relation.fromId)},"toName":null`
  return (
    `{"from":${entityIdJson(relation.fromType, relation.fromId)},"to":${entityIdJson(relation.toType, relation.toId)},"type":${JSON.stringify(relation.type)}` +
    `,"typeGroup":"${relation.typeGroup}","version":${relation.version}${names},"additionalInfo":${relation.additionalInfo ?? "null"}}`
  )
}

/** Leaves out relations with an end that the caller cannot see. */
const respond = Effect.fnUntraced(function* (relations: ReadonlyArray<Relation>, direction: Direction, detail: Detail) {
  const store = yield* Store
  const caller = yield* Caller
  const canSee = (type: string, id: string) => isVisible(store, caller, type, id)
  const visible = relations.filter(({ fromId, fromType, toId, toType }) => canSee(fromType, fromId) && canSee(toType, toId))
  return json(arrayJson(visible.map((relation) => relationJson(store, relation, direction, detail))))
})

/** ThingsBoard treats an unknown group as COMMON. */
const groups = new Set(["COMMON", "DASHBOARD", "RULE_CHAIN", "RULE_NODE", "EDGE", "EDGE_AUTO_ASSIGN_RULE_CHAIN"])
const parseGroup = (group: string | undefined) => (group !== undefined && groups.has(group) ? group : "COMMON")

const parseDirection = (direction: string | undefined): Effect.Effect<Direction, ErrorResponse> =>
  direction === "FROM" || direction === "TO"
    ? Effect.succeed(direction)
    : Effect.fail(
        jsonParseError({
          message: `Cannot deserialize value of type \`org.thingsboard.server.common.data.relation.EntitySearchDirection\` from String "${direction}": not one of the values accepted for Enum class: [FROM, TO]`
        })
      )

/** Filters do not limit the walk, only its result; a relation must match at least one of them. */
const matchesFilters = (filters: ReadonlyArray<JsonObject>, relation: Relation, direction: Direction) =>
  filters.length === 0 ||
  filters.some((filter) => {
    const types = arrayOf(filter, "entityTypes") ?? []
    const relationType = textOf(filter, "relationType") ?? ""
    const farType = direction === "FROM" ? relation.toType : relation.fromType
    return (relationType === "" || relationType === relation.type) && (types.length === 0 || types.includes(farType))
  })

export const walk = Effect.fnUntraced(function* (body: JsonObject, detail: Detail) {
  const { relations } = yield* Store
  const parameters = objectOf(body, "parameters")
  const direction = yield* parseDirection(textOf(parameters, "direction"))
  const filters = arrayOf(body, "filters")
  if (filters === undefined) return yield* itemNotFound("Requested item wasn't found!")
  const root = yield* findRelationEnd(textOf(parameters, "rootType") ?? "", textOf(parameters, "rootId") ?? "")
  const found = relations.walk({
    rootId: root.id,
    direction,
    typeGroup: parseGroup(textOf(parameters, "relationTypeGroup")),
    maxLevel: numberOf(parameters, "maxLevel") ?? 0,
    lastLevelOnly: parameters?.get("fetchLastLevelOnly") === true
  })
  const objects = filters.filter((filter) => filter instanceof JsonObject)
  return yield* respond(
    found.filter((relation) => matchesFilters(objects, relation, direction)),
    direction,
    detail
  )
})

interface RelationQuery {
  readonly fromId?: string
  readonly fromType?: string
  readonly toId?: string
  readonly toType?: string
  readonly relationType?: string
  readonly relationTypeGroup?: string
}

const listByEnd = Effect.fnUntraced(function* (query: RelationQuery, detail: Detail) {
  const { relations } = yield* Store
  const { fromId, fromType, toId, toType } = query
  const direction = fromId !== undefined && fromType !== undefined ? "FROM" : "TO"
  const type = direction === "FROM" ? fromType : toType
  const id = direction === "FROM" ? fromId : toId
  if (type === undefined || id === undefined) {
    const given = Object.entries(query).map(([name, value]) => `${name}={${value}}`)
    return yield* conditionsNotMet(
      `Parameter conditions "toId, toType" OR "fromId, fromType" not met for actual request parameters: ${given.join(", ")}`
    )
  }
  const entity = yield* findRelationEnd(type, id)
  const found = relations.edges(entity.id, direction, parseGroup(query.relationTypeGroup))
  return yield* respond(
    found.filter((relation) => query.relationType === undefined || relation.type === query.relationType),
    direction,
    detail
  )
})

const save = Effect.fnUntraced(function* (body: JsonObject) {
  const { relations } = yield* Store
  const from = objectOf(body, "from")
  const to = objectOf(body, "to")
  const fromEntity = yield* findRelationEnd(textOf(from, "entityType") ?? "", textOf(from, "id") ?? "")
  const toEntity = yield* findRelationEnd(textOf(to, "entityType") ?? "", textOf(to, "id") ?? "")
  const additionalInfo = body.get("additionalInfo")
  return relations.save({
    fromId: fromEntity.id,
    fromType: fromEntity.type,
    toId: toEntity.id,
    toType: toEntity.type,
    type: textOf(body, "type") ?? "Contains",
    typeGroup: parseGroup(textOf(body, "typeGroup")),
    additionalInfo: additionalInfo === undefined || additionalInfo === null ? null : printTree(additionalInfo)
  })
})

const remove = Effect.fnUntraced(function* (query: RelationQuery) {
  const { relations } = yield* Store
  const from = yield* findRelationEnd(query.fromType ?? "", query.fromId ?? "")
  const to = yield* findRelationEnd(query.toType ?? "", query.toId ?? "")
  if (!relations.remove(from.id, query.relationType ?? "", to.id, parseGroup(query.relationTypeGroup))) {
    return yield* itemNotFound("Requested item wasn't found!")
  }
  return emptyOk
})

export const RelationsLayer = HttpApiBuilder.group(GatewayApi, "relations", (handlers) =>
  handlers
    .handleRaw("findRelations", ({ request }) => Effect.flatMap(readObject(request), (body) => walk(body, "relations")))
    .handleRaw("findRelationInfos", ({ request }) => Effect.flatMap(readObject(request), (body) => walk(body, "infos")))
)

export const RelationAdministrationLayer = HttpApiBuilder.group(AdministrationApi, "relationAdministration", (handlers) =>
  handlers
    .handleRaw("saveRelation", ({ request }) => Effect.as(Effect.flatMap(readObject(request), save), emptyOk))
    .handleRaw("saveRelationV2", ({ request }) =>
      Effect.gen(function* () {
        const saved = yield* save(yield* readObject(request))
        return json(relationJson(yield* Store, saved, "FROM", "relations"))
      })
    )
    .handle("deleteRelation", ({ query }) => remove(query))
    .handle("relations", ({ query }) => listByEnd(query, "relations"))
    .handle("relationInfos", ({ query }) => listByEnd(query, "infos"))
)
