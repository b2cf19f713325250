/** Lists of devices and assets, as entities or as infos, which have more fields. */
import { Effect } from "effect"
import { parseUuid, findEntity, requireTenantAdmin, requireTenantOrCustomer } from "../auth/Access.ts"
import { type PageLink, json, parseListQuery, page } from "../http/responses.ts"
import { deviceOrAssetInfoJson, deviceOrAssetJson } from "../http/entityJson.ts"
import { databaseError } from "../http/ErrorResponse.ts"
import { Store } from "../store/Store.ts"
import { hasNull } from "../values/postgres.ts"

export interface ListFilter extends PageLink {
  readonly type?: string
  readonly deviceProfileId?: string
  readonly active?: boolean
}

type Detail = "entities" | "infos"

/** Like Java's `trim`, which removes every character up to U+0020: ThingsBoard ignores a type of nothing else, and returns everything. */
// oxlint-disable-next-line no-control-regex -- it matches control characters
const isIgnored = (type: string | undefined) => type === undefined || /^[\u0000-\u0020]*$/.test(type)

const list = Effect.fnUntraced(function* (
  entityType: "DEVICE" | "ASSET",
  detail: Detail,
  tenantId: string,
  customerId: string | undefined,
  filter: ListFilter
) {
  const store = yield* Store
  const query = yield* parseListQuery(filter)
  const profileId = filter.deviceProfileId === undefined ? undefined : yield* parseUuid(filter.deviceProfileId)
  const kind = isIgnored(filter.type) ? undefined : filter.type
  if (kind !== undefined && hasNull(kind)) return yield* databaseError()
  const { rows, total } = store.directory.list({
    ...query,
    tenantId,
    customerId,
    type: entityType,
    kind,
    profileId: kind === undefined ? profileId : undefined,
    active: filter.active,
    searchInfoFields: detail === "infos"
  })
  const printed = rows.map((row) => (detail === "infos" ? deviceOrAssetInfoJson(store, row) : deviceOrAssetJson(row)))
  return json(page(printed, total, filter))
})

/** The whole tenant's devices or assets; tenant administrators only. */
export const listTenantEntities = (entityType: "DEVICE" | "ASSET", detail: Detail, filter: ListFilter) =>
  Effect.flatMap(requireTenantAdmin, ({ tenantId }) => list(entityType, detail, tenantId, undefined, filter))

/** A customer's devices or assets, for tenant administrators and the customer's own users. */
export const listCustomerEntities = (entityType: "DEVICE" | "ASSET", detail: Detail, customerId: string, filter: ListFilter) =>
  Effect.gen(function* () {
    const { tenantId } = yield* requireTenantOrCustomer
    const customer = yield* findEntity("CUSTOMER", customerId)
    return yield* list(entityType, detail, tenantId, customer.id, filter)
  })

/** `ids` is comma-separated. Entities that are missing or not visible are left out. */
export const listByIds = Effect.fnUntraced(function* (entityType: "DEVICE" | "ASSET", ids: string) {
  yield* requireTenantOrCustomer
  const checked = yield* Effect.forEach(ids.split(","), parseUuid)
  const found = yield* Effect.forEach(checked, (id) => Effect.option(findEntity(entityType, id)))
  return json(`[${found.flatMap((entity) => (entity._tag === "Some" ? [deviceOrAssetJson(entity.value)] : [])).join(",")}]`)
})
