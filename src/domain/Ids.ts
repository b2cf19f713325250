/**
 * Ids, and ThingsBoard's entity types.
 * This folder holds the vocabulary of the whole program as pure schemas. It imports `effect` and no other folder.
 */
import { Schema } from "effect"

/** Source of a regular expression that matches a UUID anywhere in a text. */
export const uuidPattern = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

const uuid = new RegExp(`^${uuidPattern}$`, "u")

/** Whether the whole text is a UUID, in upper or lower case. */
export const isUuid = (text: string): boolean => uuid.test(text)

/** A UUID in its usual form of 36 characters. ThingsBoard creates time-based UUIDs (version 1), so the version is not checked. */
export const Uuid = Schema.String.check(Schema.isPattern(uuid, { message: "Expected a UUID such as 784f394c-42b6-435a-983c-b7beff2784f9" }))

export const DeviceId = Uuid.pipe(Schema.brand("DeviceId")).annotate({
  identifier: "DeviceId",
  description: "Id of a device (UUID).",
  format: "uuid"
})
export type DeviceId = typeof DeviceId.Type

export const AssetId = Uuid.pipe(Schema.brand("AssetId")).annotate({
  identifier: "AssetId",
  description: "Id of an asset (UUID).",
  format: "uuid"
})
export type AssetId = typeof AssetId.Type

/** Id of an entity of any type. */
export const EntityId = Uuid.pipe(Schema.brand("EntityId")).annotate({
  identifier: "EntityId",
  description: "Id of an entity (UUID).",
  format: "uuid"
})
export type EntityId = typeof EntityId.Type

/** The entity types that can take part in ThingsBoard relations. */
export const EntityType = Schema.Literals([
  "DEVICE",
  "ASSET",
  "ENTITY_VIEW",
  "CUSTOMER",
  "TENANT",
  "USER",
  "DASHBOARD",
  "EDGE",
  "RULE_CHAIN",
  "RULE_NODE",
  "ALARM",
  "DEVICE_PROFILE",
  "ASSET_PROFILE"
]).annotate({ identifier: "EntityType", description: "Entity type, as named by ThingsBoard." })
export type EntityType = typeof EntityType.Type

/** A reference to an entity, in ThingsBoard's format. */
export interface EntityRef {
  readonly entityType: EntityType
  readonly id: string
}

/** The customer id that ThingsBoard returns for an entity that is not assigned to a customer (`EntityId.NULL_UUID`). */
export const noCustomerId = "13814000-1dd2-11b2-8080-808080808080"
