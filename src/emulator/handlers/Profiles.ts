import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findEntity, requireTenantAdmin, requireTenantOrCustomer } from "../auth/Access.ts"
import { jsonParseError, objectOf, readObject, textOf } from "../http/bodies.ts"
import { badRequest } from "../http/ErrorResponse.ts"
import { arrayJson, json, parseListQuery, page, type PageLink } from "../http/responses.ts"
import { deviceProfileJson, profileInfoJson, profileNameJson, entityIdJson } from "../http/entityJson.ts"
import { Store } from "../store/Store.ts"
import { isTransportType } from "../store/transports.ts"
import { JsonObject, printTree } from "../values/Json.ts"

type ProfileType = "DEVICE_PROFILE" | "ASSET_PROFILE"

export const listProfileInfos = Effect.fnUntraced(function* (type: ProfileType, link: PageLink) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { directory } = yield* Store
  const { rows, total } = directory.list({ ...(yield* parseListQuery(link)), tenantId, type })
  return json(page(rows.map(profileInfoJson), total, link))
})

/** All profiles or, with `activeOnly`, those in use by a device or asset. */
const listNames = Effect.fnUntraced(function* (type: ProfileType, activeOnly = false) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { directory } = yield* Store
  const used = new Set(activeOnly ? directory.kinds(tenantId, type === "DEVICE_PROFILE" ? "DEVICE" : "ASSET") : [])
  const profiles = directory.all(tenantId, type).filter(({ name }) => !activeOnly || used.has(name))
  return json(arrayJson(profiles.map(profileNameJson)))
})

const listTypes = Effect.fnUntraced(function* (type: "DEVICE" | "ASSET") {
  const { tenantId } = yield* requireTenantOrCustomer
  const { directory } = yield* Store
  const kinds = directory.kinds(tenantId, type)
  return json(
    arrayJson(kinds.map((kind) => `{"tenantId":${entityIdJson("TENANT", tenantId)},"entityType":"${type}","type":${JSON.stringify(kind)}}`))
  )
})

const hidden = new Set(["id", "createdTime", "tenantId", "name", "description", "image", "default", "type", "version"])

/** Creates a device profile, or updates it if the body has an `id`. Its `profileData` is kept as it was sent, not checked and not completed. */
const saveDeviceProfile = Effect.fnUntraced(function* (body: JsonObject) {
  const { tenantId } = yield* requireTenantAdmin
  const { directory } = yield* Store
  const now = yield* Clock.currentTimeMillis
  const id = textOf(objectOf(body, "id"), "id")
  const existing = id === undefined ? undefined : yield* findEntity("DEVICE_PROFILE", id)
  const name = textOf(body, "name") ?? ""
  if (name.trim() === "") return yield* badRequest("Device profile name should be specified!")
  const namesake = directory.byName(tenantId, "DEVICE_PROFILE", name)
  if (namesake !== undefined && namesake.id !== existing?.id) return yield* badRequest("Device profile with such name already exists!")
  const transportType = textOf(body, "transportType") ?? "DEFAULT"
  if (!isTransportType(transportType)) return yield* jsonParseError({ message: "Cannot deserialize value of type DeviceTransportType" })
  const rest = new JsonObject(new Map([["transportType", transportType], ...[...body.fields].filter(([field]) => !hidden.has(field))]))
  const fields = { name, details: printTree(rest) }
  return json(
    deviceProfileJson(
      existing === undefined ? directory.createDeviceProfile({ ...fields, tenantId, now }) : directory.update(existing, fields, now)
    )
  )
})

export const ProfilesLayer = HttpApiBuilder.group(AdministrationApi, "profiles", (handlers) =>
  handlers
    .handle("deviceTypes", () => listTypes("DEVICE"))
    .handle("assetTypes", () => listTypes("ASSET"))
    .handle("deviceProfileNames", ({ query }) => listNames("DEVICE_PROFILE", query.activeOnly))
    .handleRaw("saveDeviceProfile", ({ request }) => Effect.flatMap(readObject(request), saveDeviceProfile))
    .handle("deviceProfile", ({ params }) =>
      Effect.andThen(
        requireTenantAdmin,
        Effect.map(findEntity("DEVICE_PROFILE", params.id), (profile) => json(deviceProfileJson(profile)))
      )
    )
    .handle("assetProfileNames", ({ query }) => listNames("ASSET_PROFILE", query.activeOnly))
)
