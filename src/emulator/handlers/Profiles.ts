import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { requireTenantOrCustomer } from "../auth/Access.ts"
import { arrayJson, json, parseListQuery, page, type PageLink } from "../http/responses.ts"
import { profileInfoJson, profileNameJson, entityIdJson } from "../http/entityJson.ts"
import { Store } from "../store/Store.ts"

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

export const ProfilesLayer = HttpApiBuilder.group(AdministrationApi, "profiles", (handlers) =>
  handlers
    .handle("deviceTypes", () => listTypes("DEVICE"))
    .handle("assetTypes", () => listTypes("ASSET"))
    .handle("deviceProfileNames", ({ query }) => listNames("DEVICE_PROFILE", query.activeOnly))
    .handle("assetProfileNames", ({ query }) => listNames("ASSET_PROFILE", query.activeOnly))
)
