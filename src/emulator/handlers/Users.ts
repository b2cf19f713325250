import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findEntity, entityNotFound, requireTenantAdmin } from "../auth/Access.ts"
import { checkPage, emptyOk, json, parseListQuery, page } from "../http/responses.ts"
import { objectOf, readObject, textOf } from "../http/bodies.ts"
import { Caller } from "../auth/Caller.ts"
import { customerJson, tenantJson, userJson } from "../http/entityJson.ts"
import type { JsonObject } from "../values/Json.ts"
import { badRequest, forbidden } from "../http/ErrorResponse.ts"
import { Sessions } from "../auth/Sessions.ts"
import { Store } from "../store/Store.ts"

const saveCustomer = Effect.fnUntraced(function* (body: JsonObject) {
  const { tenantId } = yield* requireTenantAdmin
  const { directory } = yield* Store
  const name = textOf(body, "title") ?? ""
  if (name.trim() === "") return yield* badRequest("Customer title should be specified!")
  const id = textOf(objectOf(body, "id"), "id")
  const now = yield* Clock.currentTimeMillis
  const saved =
    id === undefined
      ? directory.createCustomer({ tenantId, name, now })
      : directory.update(yield* findEntity("CUSTOMER", id), { name }, now)
  return json(customerJson(saved))
})

const saveUser = Effect.fnUntraced(function* (body: JsonObject) {
  const { tenantId } = yield* requireTenantAdmin
  const { accounts, directory } = yield* Store
  const email = textOf(body, "email") ?? ""
  const authority = textOf(body, "authority")
  if (!email.includes("@")) return yield* badRequest(`Invalid email address format '${email}'!`)
  if (authority !== "TENANT_ADMIN" && authority !== "CUSTOMER_USER") return yield* badRequest("User authority isn't defined!")
  if (directory.userByEmail(email) !== undefined) return yield* badRequest(`User with email '${email}'  already present in database!`)
  const customerId = textOf(objectOf(body, "customerId"), "id")
  const customer = authority === "CUSTOMER_USER" && customerId !== undefined ? yield* findEntity("CUSTOMER", customerId) : undefined
  const user = accounts.createUser({ tenantId, email, authority, customerId: customer?.id, now: yield* Clock.currentTimeMillis })
  return json(userJson(user, accounts.get(user.id)!))
})

const userById = Effect.fnUntraced(function* (id: string) {
  const { accounts } = yield* Store
  const user = yield* findEntity("USER", id)
  const account = accounts.get(user.id)
  return account === undefined ? yield* entityNotFound("USER", id) : json(userJson(user, account))
})

const enableUser = Effect.fnUntraced(function* (id: string, enabled: boolean) {
  yield* requireTenantAdmin
  const { accounts } = yield* Store
  const user = yield* findEntity("USER", id)
  accounts.setEnabled(user.id, enabled)
  if (!enabled) accounts.revokeTokens(user.id, yield* Clock.currentTimeMillis)
  return emptyOk
})

const remove = Effect.fnUntraced(function* (type: "USER" | "CUSTOMER", id: string) {
  yield* requireTenantAdmin
  const { directory } = yield* Store
  directory.remove(yield* findEntity(type, id))
  return emptyOk
})

export const UsersLayer = HttpApiBuilder.group(
  AdministrationApi,
  "users",
  Effect.fnUntraced(function* (handlers) {
    const sessions = yield* Sessions
    const { directory } = yield* Store
    return handlers
      .handle("logout", () => Effect.as(Effect.flatMap(Caller, sessions.logout), emptyOk))
      .handle("tenants", ({ query }) =>
        Effect.gen(function* () {
          const { authority } = yield* Caller
          if (authority !== "SYS_ADMIN") return yield* forbidden()
          yield* checkPage(query)
          const tenants = directory.tenants()
          const rows = tenants.slice(query.page * query.pageSize, (query.page + 1) * query.pageSize)
          return json(page(rows.map(tenantJson), tenants.length, query))
        })
      )
      .handleRaw("saveCustomer", ({ request }) => Effect.flatMap(readObject(request), saveCustomer))
      .handle("customer", ({ params }) => Effect.map(findEntity("CUSTOMER", params.id), (customer) => json(customerJson(customer))))
      .handle("customers", ({ query }) =>
        Effect.gen(function* () {
          const { tenantId } = yield* requireTenantAdmin
          const { rows, total } = directory.list({ ...(yield* parseListQuery(query)), tenantId, type: "CUSTOMER" })
          return json(page(rows.map(customerJson), total, query))
        })
      )
      .handle("deleteCustomer", ({ params }) => remove("CUSTOMER", params.id))
      .handleRaw("saveUser", ({ request }) => Effect.flatMap(readObject(request), saveUser))
      .handle("userById", ({ params }) => userById(params.id))
      .handle("deleteUser", ({ params }) => remove("USER", params.id))
      .handle("enableUser", ({ params, query }) => enableUser(params.id, query.userCredentialsEnabled ?? true))
  })
)
