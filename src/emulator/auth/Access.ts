/**
 * Which entities a user can see: tenant administrators all of their tenant, customer users those assigned to their customer
 * (recorded in `customer.json`).
 */
import { Effect } from "effect"
import { isUuid } from "../../domain/Ids.ts"
import { isEntityType } from "./entityTypes.ts"
import { Caller, type User } from "./Caller.ts"
import { badRequest, forbidden, itemNotFound, noPermissionMessage, type ErrorResponse, plainText } from "../http/ErrorResponse.ts"
import type { Entity } from "../store/Directory.ts"
import { Store } from "../store/Store.ts"

const titles: Partial<Record<string, string>> = {
  DEVICE_PROFILE: "Device profile",
  ASSET_PROFILE: "Asset profile",
  ENTITY_VIEW: "Entity view"
}

/** The name that ThingsBoard's messages use: "Device" for DEVICE. */
export const titleOf = (type: string) => titles[type] ?? type.charAt(0) + type.slice(1).toLowerCase().replaceAll("_", " ")

export const parseUuid = (id: string): Effect.Effect<string, ErrorResponse> =>
  isUuid(id) ? Effect.succeed(id.toLowerCase()) : Effect.fail(badRequest(`Invalid UUID string: ${id}`))

export const checkEntityType = (type: string): Effect.Effect<string, ErrorResponse> =>
  isEntityType(type)
    ? Effect.succeed(type)
    : Effect.fail(badRequest(`No enum constant org.thingsboard.server.common.data.EntityType.${type}`))

const canRead = (user: User, entity: Entity): boolean => {
  if (user.authority === "TENANT_ADMIN") return true
  if (user.authority !== "CUSTOMER_USER") return false
  switch (entity.type) {
    case "DEVICE":
    case "ASSET":
      return entity.customerId === user.customerId
    case "CUSTOMER":
      return entity.id === user.customerId
    case "USER":
      return entity.id === user.id
    case "DEVICE_PROFILE":
    case "ASSET_PROFILE":
      return true
    case "TENANT":
      return false
  }
}

/** The entity, if it exists in the user's tenant and the user can see it. */
export const lookUp = (store: Store["Service"], user: User, type: string, id: string): Entity | "Missing" | "Denied" => {
  const entity = store.directory.get(id)
  if (entity === undefined || entity.type !== type || entity.tenantId !== user.tenantId) return "Missing"
  return canRead(user, entity) ? entity : "Denied"
}

/** An alarm is visible with its originator. */
const canSeeAlarm = (store: Store["Service"], user: User, id: string): boolean => {
  const alarm = store.alarms.get(id)
  return alarm !== undefined && isVisible(store, user, alarm.originatorType, alarm.originatorId)
}

export const isVisible = (store: Store["Service"], user: User, type: string, id: string): boolean =>
  type === "ALARM" ? canSeeAlarm(store, user, id) : typeof lookUp(store, user, type, id) === "object"

export const entityNotFound = (type: string, id: string) => itemNotFound(`${titleOf(type)} with id [${id}] is not found`)

/** The entity, or the error response of most of ThingsBoard's controllers. */
export const findEntity = Effect.fnUntraced(function* (type: string, givenId: string) {
  const id = yield* parseUuid(givenId)
  const found = lookUp(yield* Store, yield* Caller, type, id)
  if (found === "Missing") return yield* entityNotFound(type, id)
  if (found === "Denied") return yield* forbidden()
  return found
})

/** Like `findEntity`, for a type that the caller gave. */
export const findEntityOfAnyType = (givenType: string, givenId: string) =>
  Effect.flatMap(checkEntityType(givenType), (type) => findEntity(type, givenId))

/** One end of a relation: an entity, or an alarm. */
export const findRelationEnd = Effect.fnUntraced(function* (givenType: string, givenId: string) {
  const id = yield* parseUuid(givenId)
  if (givenType === "ALARM" && isVisible(yield* Store, yield* Caller, "ALARM", id)) return { id, type: "ALARM" }
  return yield* findEntityOfAnyType(givenType, id)
})

/** The entity, or the error response of the telemetry controller, which is plain text. */
export const findEntityForTelemetry = Effect.fnUntraced(function* (givenType: string, givenId: string) {
  const type = yield* checkEntityType(givenType)
  const found = lookUp(yield* Store, yield* Caller, type, yield* parseUuid(givenId))
  if (found === "Missing") return yield* plainText(404, `${titleOf(type)} with requested id wasn't found!`)
  if (found === "Denied") return yield* plainText(403, noPermissionMessage)
  return found
})

export const requireTenantAdmin = Effect.gen(function* () {
  const user = yield* Caller
  if (user.authority !== "TENANT_ADMIN") return yield* forbidden()
  return user
})

/** A tenant administrator or a customer user. */
export const requireTenantOrCustomer = Effect.gen(function* () {
  const user = yield* Caller
  if (user.authority !== "TENANT_ADMIN" && user.authority !== "CUSTOMER_USER") return yield* forbidden()
  return user
})
