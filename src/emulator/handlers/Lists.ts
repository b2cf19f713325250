/** Pages of devices and assets, with or without what the infos add. */
import { Effect } from "effect"
import { checkUuid, find, requireTenantAdmin, requireTenantOrCustomer } from "../Access.ts"
import { type PageLink, json, listQuery, page } from "../responses.ts"
import { thingInfoJson, thingJson } from "../entityJson.ts"
import { Store } from "../Store.ts"

export interface ThingFilter extends PageLink {
  readonly type?: string
  readonly deviceProfileId?: string
  readonly active?: boolean
}

type Print = "entities" | "infos"

const list = Effect.fnUntraced(function* (
  entityType: "DEVICE" | "ASSET",
  print: Print,
  tenantId: string,
  customerId: string | undefined,
  filter: ThingFilter
) {
  const store = yield* Store
  const query = yield* listQuery(filter)
  const profileId = filter.deviceProfileId === undefined ? undefined : yield* checkUuid(filter.deviceProfileId)
  const { rows, total } = store.directory.list({
    ...query,
    tenantId,
    customerId,
    type: entityType,
    kind: filter.type === "" ? undefined : filter.type,
    profileId: filter.type ? undefined : profileId,
    active: filter.active,
    searchInfos: print === "infos"
  })
  const printed = rows.map((row) => (print === "infos" ? thingInfoJson(store, row) : thingJson(row)))
  return json(page(printed, total, filter))
})

/** Of the whole tenant, for its administrator only. */
export const tenantList = (entityType: "DEVICE" | "ASSET", print: Print, filter: ThingFilter) =>
  Effect.flatMap(requireTenantAdmin, ({ tenantId }) => list(entityType, print, tenantId, undefined, filter))

/** Of a customer, for the administrator and the customer's users. */
export const customerList = (entityType: "DEVICE" | "ASSET", print: Print, customerId: string, filter: ThingFilter) =>
  Effect.gen(function* () {
    const { tenantId } = yield* requireTenantOrCustomer
    const customer = yield* find("CUSTOMER", customerId)
    return yield* list(entityType, print, tenantId, customer.id, filter)
  })

/** A comma list of ids; what may not be seen is left out in silence. */
export const listByIds = Effect.fnUntraced(function* (entityType: "DEVICE" | "ASSET", ids: string) {
  yield* requireTenantOrCustomer
  const checked = yield* Effect.forEach(ids.split(","), checkUuid)
  const found = yield* Effect.forEach(checked, (id) => Effect.option(find(entityType, id)))
  return json(`[${found.flatMap((entity) => (entity._tag === "Some" ? [thingJson(entity.value)] : [])).join(",")}]`)
})
