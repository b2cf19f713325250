import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { requireTenantOrCustomer } from "../Access.ts"
import { array, json, listQuery, page, type PageLink } from "../responses.ts"
import { profileInfoJson, profileNameJson, ref } from "../entityJson.ts"
import { Store } from "../Store.ts"

type ProfileType = "DEVICE_PROFILE" | "ASSET_PROFILE"

export const profileInfos = Effect.fnUntraced(function* (type: ProfileType, link: PageLink) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { directory } = yield* Store
  const { rows, total } = directory.list({ ...(yield* listQuery(link)), tenantId, type })
  return json(page(rows.map(profileInfoJson), total, link))
})

/** All profiles, or those of which there is a device or asset. */
const names = Effect.fnUntraced(function* (type: ProfileType, activeOnly = false) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { directory } = yield* Store
  const used = new Set(activeOnly ? directory.kinds(tenantId, type === "DEVICE_PROFILE" ? "DEVICE" : "ASSET") : [])
  const profiles = directory.all(tenantId, type).filter(({ name }) => !activeOnly || used.has(name))
  return json(array(profiles.map(profileNameJson)))
})

const types = Effect.fnUntraced(function* (type: "DEVICE" | "ASSET") {
  const { tenantId } = yield* requireTenantOrCustomer
  const { directory } = yield* Store
  const kinds = directory.kinds(tenantId, type)
  return json(array(kinds.map((kind) => `{"tenantId":${ref("TENANT", tenantId)},"entityType":"${type}","type":${JSON.stringify(kind)}}`)))
})

export const ProfilesLayer = HttpApiBuilder.group(AdministrationApi, "profiles", (handlers) =>
  handlers
    .handle("deviceTypes", () => types("DEVICE"))
    .handle("assetTypes", () => types("ASSET"))
    .handle("deviceProfileNames", ({ query }) => names("DEVICE_PROFILE", query.activeOnly))
    .handle("assetProfileNames", ({ query }) => names("ASSET_PROFILE", query.activeOnly))
)
