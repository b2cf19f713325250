/** Prints entities as ThingsBoard does, with the recorded fields in the recorded order. */
import { noCustomerId } from "../../domain/Ids.ts"
import type { Account } from "../store/Accounts.ts"
import type { Entity } from "../store/Directory.ts"
import type { Store } from "../store/Store.ts"
import type { TransportType } from "../store/transports.ts"

export const entityIdJson = (entityType: string, id: string) => `{"entityType":"${entityType}","id":"${id}"}`

const string = JSON.stringify
const customerOf = ({ customerId }: Entity) => entityIdJson("CUSTOMER", customerId ?? noCustomerId)
const header = (entity: Entity) => `{"id":${entityIdJson(entity.type, entity.id)},"createdTime":${entity.createdTime}`
const tenantOf = ({ tenantId }: Entity) => `"tenantId":${entityIdJson("TENANT", tenantId)}`

const deviceData = ({ details }: Entity) =>
  `"deviceData":{"configuration":{"type":"DEFAULT"},"transportConfiguration":${details ?? `{"type":"DEFAULT"}`}}`

/** `extra` are the additional fields of `DeviceInfo` and `AssetInfo`, between `version` and `additionalInfo`. */
const printDeviceOrAsset = (entity: Entity, extra: string) => {
  const isDevice = entity.type === "DEVICE"
  const profile = isDevice
    ? `"deviceProfileId":${entityIdJson("DEVICE_PROFILE", entity.profileId!)},"firmwareId":null,"softwareId":null`
    : `"assetProfileId":${entityIdJson("ASSET_PROFILE", entity.profileId!)}`
  return (
    `${header(entity)},${tenantOf(entity)},"customerId":${customerOf(entity)},"name":${string(entity.name)},"type":${string(entity.kind)}` +
    `,"label":${string(entity.label)},${profile},"externalId":null,"version":${entity.version}${extra}` +
    `,"additionalInfo":${entity.additionalInfo ?? "null"}${isDevice ? `,${deviceData(entity)}` : ""}}`
  )
}

/** A device or an asset. */
export const deviceOrAssetJson = (entity: Entity) => printDeviceOrAsset(entity, "")

type Stores = Pick<Store["Service"], "directory" | "attributes">

/** ThingsBoard keeps a device's state in the server attribute `active`. */
const isActive = ({ attributes }: Stores, entity: Entity) =>
  attributes.read(entity, "SERVER_SCOPE").some(({ key, value }) => key === "active" && value === true)

/** `DeviceInfo` or `AssetInfo`. */
export const deviceOrAssetInfoJson = (store: Stores, entity: Entity) => {
  const title = entity.customerId === null ? null : (store.directory.get(entity.customerId)?.name ?? null)
  const customer = `,"customerTitle":${string(title)},"customerIsPublic":false`
  return entity.type === "DEVICE"
    ? printDeviceOrAsset(entity, `${customer},"deviceProfileName":${string(entity.kind)},"active":${isActive(store, entity)}`)
    : printDeviceOrAsset(entity, `${customer},"assetProfileName":${string(entity.kind)}`)
}

export const customerJson = (entity: Entity) =>
  `${header(entity)},"country":null,"state":null,"city":null,"address":null,"address2":null,"zip":null,"phone":null,"email":null` +
  `,"title":${string(entity.name)},${tenantOf(entity)},"externalId":null,"version":${entity.version},"name":${string(entity.name)}` +
  `,"additionalInfo":${entity.additionalInfo ?? "null"}}`

export const tenantJson = (entity: Entity) =>
  `${header(entity)},"title":${string(entity.name)},"name":${string(entity.name)},"version":${entity.version},"additionalInfo":null}`

export const userJson = (entity: Entity, { authority }: Account) =>
  `${header(entity)},${tenantOf(entity)},"customerId":${customerOf(entity)},"email":${string(entity.name)},"authority":"${authority}"` +
  `,"firstName":null,"lastName":null,"phone":null,"version":${entity.version},"name":${string(entity.name)}` +
  `,"additionalInfo":${entity.additionalInfo ?? "null"}}`

export const profileNameJson = (entity: Entity) => `{"id":${entityIdJson(entity.type, entity.id)},"name":${string(entity.name)}}`

const defaultProfile =
  `{"transportType":"DEFAULT","provisionType":"DISABLED","profileData":{"configuration":{"type":"DEFAULT"}` +
  `,"transportConfiguration":{"type":"DEFAULT"},"provisionConfiguration":{"type":"DISABLED","provisionDeviceSecret":null},"alarms":null}` +
  `,"provisionDeviceKey":null}`

/** The transport type of a device profile. */
export const transportTypeOf = ({ details }: Entity): TransportType =>
  details === null ? "DEFAULT" : (JSON.parse(details) as { readonly transportType: TransportType }).transportType

export const profileInfoJson = (entity: Entity) =>
  `{"id":${entityIdJson(entity.type, entity.id)},${tenantOf(entity)},"name":${string(entity.name)},"image":null,"defaultDashboardId":null` +
  `${entity.type === "DEVICE_PROFILE" ? `,"type":"DEFAULT","transportType":"${transportTypeOf(entity)}"` : ""}}`

/** A device profile with the fields that its infos leave out. ThingsBoard's order of the fields is not recorded. */
export const deviceProfileJson = (entity: Entity) =>
  `${header(entity)},${tenantOf(entity)},"name":${string(entity.name)},"description":null,"image":null,"default":${entity.name === "default"}` +
  `,"type":"DEFAULT","version":${entity.version},${(entity.details ?? defaultProfile).slice(1)}`
