import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi, GatewayApi } from "../api/EmulatorApi.ts"
import { checkEntityType, parseUuid, lookUp, entityNotFound } from "../auth/Access.ts"
import { arrayJson, emptyOk, json } from "../http/responses.ts"
import { arrayOf, numberOf, objectOf, jsonParseError, readObject, textOf } from "../http/bodies.ts"
import { Caller } from "../auth/Caller.ts"
import { entityIdJson } from "../http/entityJson.ts"
import { JsonObject, printTree } from "../values/Json.ts"
import { conditionsNotMet, forbidden, itemNotFound, type ErrorResponse } from "../http/ErrorResponse.ts"
import type { Direction, Relation } from "../store/Relations.ts"
import { Store } from "../store/Store.ts"

type Print = "relations" | "infos"

/** Any entity that relations join; the caller must be allowed to see it. */
const end = Effect.fnUntraced(function* (givenType: string, givenId: string) {
  const type = yield* checkEntityType(givenType)
  const id = yield* parseUuid(givenId)
  const found = lookUp(yield* Store, yield* Caller, type, id)
  if (found === "Missing") return yield* entityNotFound(type, id)
  if (found === "Denied") return yield* forbidden()
  return found
})

/** Infos name the far end only. */
const relationJson = (store: Store["Service"], relation: Relation, direction: Direction, print: Print) => {
  const name = (id: string) => JSON.stringify(store.directory.get(id)?.name ?? "N/A")
  const names =
    print === "relations"
      ? ""
      : direction === "FROM"
        ? `,"fromName":null,"toName":${name(relation.toId)}`
        : `,"fromName":${name(relation.fromId)},"toName":null`
  return (
    `{"from":${entityIdJson(relation.fromType, relation.fromId)},"to":${entityIdJson(relation.toType, relation.toId)},"type":${JSON.stringify(relation.type)}` +
    `,"typeGroup":"${relation.typeGroup}","version":${relation.version}${names},"additionalInfo":${relation.additionalInfo ?? "null"}}`
  )
}

/** Relations with an end that the caller may not see are left out. */
const answer = Effect.fnUntraced(function* (relations: ReadonlyArray<Relation>, direction: Direction, print: Print) {
  const store = yield* Store
  const caller = yield* Caller
  const isSeen = (type: string, id: string) => typeof lookUp(store, caller, type, id) === "object"
  const seen = relations.filter(({ fromId, fromType, toId, toType }) => isSeen(fromType, fromId) && isSeen(toType, toId))
  return json(arrayJson(seen.map((relation) => relationJson(store, relation, direction, print))))
})

/** A group that does not exist counts as the common one. */
const groups = new Set(["COMMON", "DASHBOARD", "RULE_CHAIN", "RULE_NODE", "EDGE", "EDGE_AUTO_ASSIGN_RULE_CHAIN"])
const groupOf = (group: string | undefined) => (group !== undefined && groups.has(group) ? group : "COMMON")

const directionOf = (direction: string | undefined): Effect.Effect<Direction, ErrorResponse> =>
  direction === "FROM" || direction === "TO"
    ? Effect.succeed(direction)
    : Effect.fail(
        jsonParseError({
          message: `Cannot deserialize value of type \`org.thingsboard.server.common.data.relation.EntitySearchDirection\` from String "${direction}": not one of the values accepted for Enum class: [FROM, TO]`
        })
      )

/** Filters are applied to what was walked; any of them may fit. */
const passes = (filters: ReadonlyArray<JsonObject>, relation: Relation, direction: Direction) =>
  filters.length === 0 ||
  filters.some((filter) => {
    const types = arrayOf(filter, "entityTypes") ?? []
    const wanted = textOf(filter, "relationType") ?? ""
    const farType = direction === "FROM" ? relation.toType : relation.fromType
    return (wanted === "" || wanted === relation.type) && (types.length === 0 || types.includes(farType))
  })

export const walk = Effect.fnUntraced(function* (body: JsonObject, print: Print) {
  const { relations } = yield* Store
  const parameters = objectOf(body, "parameters")
  const direction = yield* directionOf(textOf(parameters, "direction"))
  const filters = arrayOf(body, "filters")
  if (filters === undefined) return yield* itemNotFound("Requested item wasn't found!")
  const root = yield* end(textOf(parameters, "rootType") ?? "", textOf(parameters, "rootId") ?? "")
  const found = relations.walk({
    rootId: root.id,
    direction,
    typeGroup: groupOf(textOf(parameters, "relationTypeGroup")),
    maxLevel: numberOf(parameters, "maxLevel") ?? 0,
    lastLevelOnly: parameters?.get("fetchLastLevelOnly") === true
  })
  const objects = filters.filter((filter) => filter instanceof JsonObject)
  return yield* answer(
    found.filter((relation) => passes(objects, relation, direction)),
    direction,
    print
  )
})

interface OneEnd {
  readonly fromId?: string
  readonly fromType?: string
  readonly toId?: string
  readonly toType?: string
  readonly relationType?: string
  readonly relationTypeGroup?: string
}

const ofOneEnd = Effect.fnUntraced(function* (query: OneEnd, print: Print) {
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
  const entity = yield* end(type, id)
  const found = relations.edges(entity.id, direction, groupOf(query.relationTypeGroup))
  return yield* answer(
    found.filter((relation) => query.relationType === undefined || relation.type === query.relationType),
    direction,
    print
  )
})

const save = Effect.fnUntraced(function* (body: JsonObject) {
  const { relations } = yield* Store
  const from = objectOf(body, "from")
  const to = objectOf(body, "to")
  const fromEntity = yield* end(textOf(from, "entityType") ?? "", textOf(from, "id") ?? "")
  const toEntity = yield* end(textOf(to, "entityType") ?? "", textOf(to, "id") ?? "")
  const additionalInfo = body.get("additionalInfo")
  return relations.save({
    fromId: fromEntity.id,
    fromType: fromEntity.type,
    toId: toEntity.id,
    toType: toEntity.type,
    type: textOf(body, "type") ?? "Contains",
    typeGroup: groupOf(textOf(body, "typeGroup")),
    additionalInfo: additionalInfo === undefined || additionalInfo === null ? null : printTree(additionalInfo)
  })
})

const remove = Effect.fnUntraced(function* (query: OneEnd) {
  const { relations } = yield* Store
  const from = yield* end(query.fromType ?? "", query.fromId ?? "")
  const to = yield* end(query.toType ?? "", query.toId ?? "")
  if (!relations.remove(from.id, query.relationType ?? "", to.id, groupOf(query.relationTypeGroup))) {
    return yield* itemNotFound("Requested item wasn't found!")
  }
  return emptyOk
})

export const RelationsLayer = HttpApiBuilder.group(GatewayApi, "relations", (handlers) =>
  handlers.handleRaw("findRelations", ({ request }) => Effect.flatMap(readObject(request), (body) => walk(body, "relations")))
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
    .handle("relations", ({ query }) => ofOneEnd(query, "relations"))
    .handle("relationInfos", ({ query }) => ofOneEnd(query, "infos"))
    .handleRaw("findRelationInfos", ({ request }) => Effect.flatMap(readObject(request), (body) => walk(body, "infos")))
)
