import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findEntity, parseUuid, requireTenantAdmin, titleOf } from "../auth/Access.ts"
import { emptyOk, json } from "../http/responses.ts"
import { jsonParseError, numberOf, objectOf, textOf } from "../http/bodies.ts"
import { entityIdJson, deviceOrAssetInfoJson, deviceOrAssetJson, transportTypeOf } from "../http/entityJson.ts"
import { type JsonObject, printTree } from "../values/Json.ts"
import { badRequest, databaseError, versionConflict } from "../http/ErrorResponse.ts"
import type { Changes, Directory, Entity } from "../store/Directory.ts"
import { Store } from "../store/Store.ts"
import { hasNull } from "../values/postgres.ts"
import { toTransportConfiguration } from "../store/transports.ts"
import { readObject } from "../http/bodies.ts"
import { listCustomerEntities, listByIds, listTenantEntities } from "./Lists.ts"

type DeviceOrAssetType = "DEVICE" | "ASSET"

const additionalInfoOf = (body: JsonObject): string | null => {
  const given = body.get("additionalInfo")
  return given === undefined || given === null ? null : printTree(given)
}

const createOrUpdate = (
  directory: Directory,
  existing: Entity | undefined,
  type: DeviceOrAssetType,
  fields: Changes & { readonly name: string },
  kind: string | undefined,
  tenantId: string,
  now: number
): Entity =>
  existing === undefined
    ? (type === "DEVICE" ? directory.createDevice : directory.createAsset)({ ...fields, tenantId, now, type: kind })
    : directory.update(existing, { ...fields, ...(kind === undefined ? {} : { type: kind }) }, now)

/** The profile that a device refers to; undefined when its type names the profile. */
const profileOf = Effect.fnUntraced(function* (body: JsonObject, tenantId: string) {
  const { directory } = yield* Store
  const id = textOf(objectOf(body, "deviceProfileId"), "id")
  if (id === undefined) return undefined
  const profile = directory.get(yield* parseUuid(id))
  if (profile?.type !== "DEVICE_PROFILE" || profile.tenantId !== tenantId)
    return yield* badRequest("Device is referencing non existing device profile!")
  return profile
})

/** A body without `deviceData` gives a device the defaults of its profile's transport, even when it had a configuration. */
const transportOf = Effect.fnUntraced(function* (body: JsonObject, profile: Entity | undefined) {
  const given = objectOf(objectOf(body, "deviceData"), "transportConfiguration")
  const stored = toTransportConfiguration(profile === undefined ? "DEFAULT" : transportTypeOf(profile), given)
  if (stored === "unknown type") return yield* jsonParseError({ message: "Could not resolve type id" })
  return stored === "invalid" ? yield* badRequest("Transport configuration is not valid") : stored.json
})

/** Creates an entity, or updates it if the body has an `id`. Names are unique per tenant and entity type. */
const save = Effect.fnUntraced(function* (type: DeviceOrAssetType, body: JsonObject) {
  const { tenantId } = yield* requireTenantAdmin
  const { directory } = yield* Store
  const now = yield* Clock.currentTimeMillis
  const id = textOf(objectOf(body, "id"), "id")
  const existing = id === undefined ? undefined : yield* findEntity(type, id)
  const name = textOf(body, "name") ?? ""
  const title = titleOf(type)
  if (name.trim() === "") return yield* badRequest(`${title} name should be specified!`)
  if (hasNull(name)) return yield* badRequest(`${title} name should not contain 0x00 symbol!`)
  if (hasNull(textOf(body, "type") ?? "")) return yield* badRequest(`${title} profile name should not contain 0x00 symbol!`)
  if (hasNull(textOf(body, "label") ?? "")) return yield* databaseError()
  const namesake = directory.byName(tenantId, type, name)
  if (namesake !== undefined && namesake.id !== existing?.id) return yield* badRequest(`${title} with such name already exists!`)
  const version = numberOf(body, "version")
  if (existing !== undefined && version !== undefined && version !== existing.version) return yield* versionConflict(title)
  const fields = { name, label: textOf(body, "label") ?? null, additionalInfo: additionalInfoOf(body) }
  if (type === "ASSET")
    return json(deviceOrAssetJson(createOrUpdate(directory, existing, "ASSET", fields, textOf(body, "type"), tenantId, now)))
  const referenced = yield* profileOf(body, tenantId)
  const kind = referenced?.name ?? textOf(body, "type")
  const profile = referenced ?? directory.byName(tenantId, "DEVICE_PROFILE", kind ?? existing?.kind ?? "default")
  const details = yield* transportOf(body, profile)
  return json(deviceOrAssetJson(createOrUpdate(directory, existing, "DEVICE", { ...fields, details }, kind, tenantId, now)))
})

const remove = Effect.fnUntraced(function* (type: DeviceOrAssetType, id: string) {
  yield* requireTenantAdmin
  const { directory } = yield* Store
  directory.remove(yield* findEntity(type, id))
  return emptyOk
})

const getInfo = Effect.fnUntraced(function* (type: DeviceOrAssetType, id: string) {
  return json(deviceOrAssetInfoJson(yield* Store, yield* findEntity(type, id)))
})

/** Assigns the entity to a customer; null unassigns it. */
const assign = Effect.fnUntraced(function* (type: DeviceOrAssetType, id: string, customerId: string | null) {
  yield* requireTenantAdmin
  const { directory } = yield* Store
  const customer = customerId === null ? null : yield* findEntity("CUSTOMER", customerId)
  const entity = yield* findEntity(type, id)
  return json(deviceOrAssetJson(directory.update(entity, { customerId: customer?.id ?? null }, yield* Clock.currentTimeMillis)))
})

const getCredentials = Effect.fnUntraced(function* (id: string) {
  const { accounts } = yield* Store
  const device = yield* findEntity("DEVICE", id)
  const found = accounts.credentialsOf(device.id, yield* Clock.currentTimeMillis)
  return json(
    `{"id":{"id":"${found.id}"},"createdTime":${found.createdTime},"deviceId":${entityIdJson("DEVICE", device.id)}` +
      `,"credentialsType":"ACCESS_TOKEN","credentialsId":"${found.token}","credentialsValue":null,"version":1}`
  )
})

export const DevicesAndAssetsLayer = HttpApiBuilder.group(AdministrationApi, "devicesAndAssets", (handlers) =>
  handlers
    .handleRaw("saveDevice", ({ request }) => Effect.flatMap(readObject(request), (body) => save("DEVICE", body)))
    .handleRaw("saveAsset", ({ request }) => Effect.flatMap(readObject(request), (body) => save("ASSET", body)))
    .handle("deleteDevice", ({ params }) => remove("DEVICE", params.id))
    .handle("deleteAsset", ({ params }) => remove("ASSET", params.id))
    .handle("deviceInfo", ({ params }) => getInfo("DEVICE", params.id))
    .handle("assetInfo", ({ params }) => getInfo("ASSET", params.id))
    .handle("deviceCredentials", ({ params }) => getCredentials(params.id))
    .handle("tenantAssetInfos", ({ query }) => listTenantEntities("ASSET", "infos", query))
    .handle("customerAssetInfos", ({ params, query }) => listCustomerEntities("ASSET", "infos", params.customerId, query))
    .handle("assetsByIds", ({ query }) => listByIds("ASSET", query.assetIds))
    .handle("assignDevice", ({ params }) => assign("DEVICE", params.id, params.customerId))
    .handle("assignAsset", ({ params }) => assign("ASSET", params.id, params.customerId))
    .handle("unassignDevice", ({ params }) => assign("DEVICE", params.id, null))
    .handle("unassignAsset", ({ params }) => assign("ASSET", params.id, null))
)
