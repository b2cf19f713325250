import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findEntity, requireTenantAdmin, titleOf } from "../auth/Access.ts"
import { emptyOk, json } from "../http/responses.ts"
import { numberOf, objectOf, textOf } from "../http/bodies.ts"
import { entityIdJson, deviceOrAssetInfoJson, deviceOrAssetJson } from "../http/entityJson.ts"
import { type JsonObject, printTree } from "../values/Json.ts"
import { badRequest, versionConflict } from "../http/ErrorResponse.ts"
import { Store } from "../store/Store.ts"
import { readObject } from "../http/bodies.ts"
import { listCustomerEntities, listByIds, listTenantEntities } from "./Lists.ts"

type DeviceOrAssetType = "DEVICE" | "ASSET"

const additionalInfoOf = (body: JsonObject): string | null => {
  const given = body.get("additionalInfo")
  return given === undefined || given === null ? null : printTree(given)
}

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
  const namesake = directory.byName(tenantId, type, name)
  if (namesake !== undefined && namesake.id !== existing?.id) return yield* badRequest(`${title} with such name already exists!`)
  const version = numberOf(body, "version")
  if (existing !== undefined && version !== undefined && version !== existing.version) return yield* versionConflict(title)
  const fields = { name, label: textOf(body, "label") ?? null, additionalInfo: additionalInfoOf(body) }
  const kind = textOf(body, "type")
  const saved =
    existing === undefined
      ? (type === "DEVICE" ? directory.createDevice : directory.createAsset)({ ...fields, tenantId, now, type: kind })
      : directory.update(existing, { ...fields, ...(kind === undefined ? {} : { type: kind }) }, now)
  return json(deviceOrAssetJson(saved))
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
