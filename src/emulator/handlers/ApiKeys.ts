import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { parseUuid, findEntity, requireTenantOrCustomer } from "../auth/Access.ts"
import { checkPage, emptyOk, json, page, type PageLink } from "../http/responses.ts"
import { numberOf, objectOf, readObject, readText, textOf } from "../http/bodies.ts"
import { entityIdJson } from "../http/entityJson.ts"
import type { JsonObject } from "../values/Json.ts"
import { checkParameter } from "../http/parameters.ts"
import { badRequest, itemNotFound } from "../http/ErrorResponse.ts"
import type { ApiKey } from "../store/Accounts.ts"
import { Store } from "../store/Store.ts"

/** Only the response to the creation shows the value. */
const keyJson = (key: ApiKey, tenantId: string, now: number, showValue: boolean) =>
  `{"id":${entityIdJson("API_KEY", key.id)},"createdTime":${key.createdTime},"tenantId":${entityIdJson("TENANT", tenantId)},"userId":${entityIdJson("USER", key.userId)}` +
  `,"expirationTime":${key.expirationTime},"description":${JSON.stringify(key.description)},"enabled":${key.enabled}` +
  `${showValue ? `,"value":"${key.value}"` : ""},"expired":${key.expirationTime !== 0 && key.expirationTime <= now}}`

/** A key of the caller, or of a user whom the caller administers. */
const findKey = Effect.fnUntraced(function* (givenId: string) {
  yield* requireTenantOrCustomer
  const { accounts } = yield* Store
  const id = yield* parseUuid(givenId)
  const key = accounts.key(id)
  if (key === undefined) return yield* itemNotFound(`Api key with id [${id}] is not found`)
  yield* findEntity("USER", key.userId)
  return key
})

const create = Effect.fnUntraced(function* (body: JsonObject) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { accounts } = yield* Store
  const userId = textOf(objectOf(body, "userId"), "id")
  if (userId === undefined) return yield* badRequest("Invalid entity id")
  const user = yield* findEntity("USER", userId)
  const description = textOf(body, "description") ?? ""
  if (description.trim() === "") return yield* badRequest("Validation error: description must not be blank")
  const now = yield* Clock.currentTimeMillis
  const expirationTime = numberOf(body, "expirationTime") ?? 0
  const key = accounts.createKey({ userId: user.id, description, enabled: body.get("enabled") === true, expirationTime, now })
  return json(keyJson(key, tenantId, now, true))
})

const list = Effect.fnUntraced(function* (userId: string, link: PageLink) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { accounts } = yield* Store
  const user = yield* findEntity("USER", userId)
  yield* checkPage(link)
  const keys = [...accounts.keysOf(user.id)]
  if (link.sortProperty === "description") keys.sort((one, other) => (one.description < other.description ? -1 : 1))
  if (link.sortOrder === "DESC") keys.reverse()
  const now = yield* Clock.currentTimeMillis
  const shown = keys.slice(link.page * link.pageSize, (link.page + 1) * link.pageSize)
  const printed = shown.map((key) => keyJson(key, tenantId, now, false))
  return json(page(printed, keys.length, link))
})

const update = Effect.fnUntraced(function* (id: string, changes: Partial<Pick<ApiKey, "description" | "enabled">>) {
  const { tenantId } = yield* requireTenantOrCustomer
  const { accounts } = yield* Store
  const key = { ...(yield* findKey(id)), ...changes }
  accounts.updateKey(key)
  return json(keyJson(key, tenantId, yield* Clock.currentTimeMillis, false))
})

const enable = Effect.fnUntraced(function* (id: string, enabled: string) {
  const invalidParameter = checkParameter("4.3", "enabledValue", enabled)
  return invalidParameter === undefined ? yield* update(id, { enabled: /^(true|on|yes|1)$/i.test(enabled) }) : yield* invalidParameter
})

export const ApiKeysLayer = HttpApiBuilder.group(AdministrationApi, "apiKeys", (handlers) =>
  handlers
    .handleRaw("createKey", ({ request }) => Effect.flatMap(readObject(request), create))
    .handle("keysOfUser", ({ params, query }) => list(params.userId, query))
    .handleRaw("describeKey", ({ params, request }) =>
      Effect.flatMap(readText(request), (description) => update(params.id, { description }))
    )
    .handle("enableKey", ({ params }) => enable(params.id, params.enabledValue))
    .handle("deleteKey", ({ params }) =>
      Effect.gen(function* () {
        const { accounts } = yield* Store
        accounts.removeKey((yield* findKey(params.id)).id)
        return emptyOk
      })
    )
)
