/** Devices, assets and their profiles, as ThingsBoard returns them. Boardwalk passes them through byte for byte. */
import { Schema } from "effect"
import { AssetId, DeviceId, EntityType, Uuid } from "./Ids.ts"

const ref = <S extends Schema.Top>(identifier: string, id: S) =>
  Schema.Struct({ entityType: EntityType, id }).annotate({ identifier, description: "Type and id of the referenced entity." })

/** A reference to a tenant, a customer or a profile. Their ids are not parameters of this API, so they have no brand. */
const EntityRef = ref("EntityRef", Uuid)

const common = {
  createdTime: Schema.Int.annotate({ description: "Creation time, in ms since the Unix epoch." }),
  tenantId: EntityRef,
  customerId: EntityRef,
  name: Schema.String,
  type: Schema.String.annotate({ description: "Name of the device profile or asset profile." }),
  label: Schema.optionalKey(Schema.NullOr(Schema.String)),
  additionalInfo: Schema.optionalKey(Schema.Json)
}

const sample = {
  createdTime: 1_700_000_000_000,
  tenantId: { entityType: "TENANT", id: "0b5a2a70-1111-11ee-8888-000000000001" },
  customerId: { entityType: "CUSTOMER", id: "13814000-1dd2-11b2-8080-808080808080" },
  label: "Hall",
  additionalInfo: null
} as const

/** Keeps fields that a later ThingsBoard release adds. */
const openStruct = <const F extends Schema.Struct.Fields>(fields: F) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Json)])

export const Device = openStruct({
  id: ref("DeviceRef", DeviceId),
  ...common,
  deviceProfileId: EntityRef,
  active: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "Whether the device is connected. Present only in lists filtered by `active`." })
  )
}).annotate({
  identifier: "Device",
  description:
    "A device in ThingsBoard's own format. Other ThingsBoard releases may return more fields. Fields that hold credentials require the scope `credentials:read`.",
  examples: [
    {
      id: { entityType: "DEVICE", id: DeviceId.make("784f394c-42b6-435a-983c-b7beff2784f9") },
      ...sample,
      name: "Thermostat A",
      type: "thermostat",
      deviceProfileId: { entityType: "DEVICE_PROFILE", id: "20000000-1111-11ee-8888-000000000001" }
    }
  ]
})

export const Asset = openStruct({ id: ref("AssetRef", AssetId), ...common, assetProfileId: EntityRef }).annotate({
  identifier: "Asset",
  description:
    "An asset (such as a building, a room or a machine) in ThingsBoard's own format. Other ThingsBoard releases may return more fields. Fields that hold credentials require the scope `credentials:read`.",
  examples: [
    {
      id: { entityType: "ASSET", id: AssetId.make("784f394c-42b6-435a-983c-b7beff2784aa") },
      ...sample,
      name: "Floor 1",
      type: "floor",
      assetProfileId: { entityType: "ASSET_PROFILE", id: "20000000-1111-11ee-8888-000000000002" }
    }
  ]
})

const profile = { name: Schema.String.annotate({ description: "Name of the type, for the filters `device_type` and `asset_type`." }) }

export const DeviceType = openStruct({ id: EntityRef, ...profile }).annotate({
  identifier: "DeviceType",
  description: "A device profile.",
  examples: [{ id: { entityType: "DEVICE_PROFILE", id: "20000000-1111-11ee-8888-000000000001" }, name: "thermostat" }]
})

export const AssetType = openStruct({ id: EntityRef, ...profile }).annotate({
  identifier: "AssetType",
  description: "An asset profile.",
  examples: [{ id: { entityType: "ASSET_PROFILE", id: "20000000-1111-11ee-8888-000000000002" }, name: "floor" }]
})
