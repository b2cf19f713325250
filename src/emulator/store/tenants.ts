/** Creates tenants whose administrators can log in, and the default accounts of an empty store. */
import { Clock, Effect, Redacted } from "effect"
import { noCustomerId } from "../../domain/Ids.ts"
import { Store } from "./Store.ts"

export interface NewTenant {
  readonly title?: string
  /** The administrator's e-mail address. */
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

export interface Tenant {
  readonly tenantId: string
  /** The administrator's user id. */
  readonly userId: string
}

/** The accounts of a new ThingsBoard installation with its demo data. */
export const defaultAccounts = {
  tenant: { username: "tenant@thingsboard.org", password: "tenant" },
  system: { username: "sysadmin@thingsboard.org", password: "sysadmin" }
} as const

export const createTenant = Effect.fnUntraced(function* ({ password, title, username }: NewTenant) {
  const { accounts, directory, transaction } = yield* Store
  const now = yield* Clock.currentTimeMillis
  return transaction((): Tenant => {
    const tenantId = directory.createTenant({ title: title ?? username, now }).id
    const userId = accounts.createUser({ tenantId, email: username, authority: "TENANT_ADMIN", password, now }).id
    return { tenantId, userId }
  })
})

/** Does nothing when the store has data of an earlier run. */
export const createDefaultAccounts = Effect.gen(function* () {
  const { accounts, isEmpty } = yield* Store
  if (!isEmpty()) return
  const { system, tenant } = defaultAccounts
  accounts.createUser({
    tenantId: noCustomerId, // ThingsBoard's null UUID also means "no tenant"
    email: system.username,
    password: Redacted.make(system.password),
    authority: "SYS_ADMIN",
    now: yield* Clock.currentTimeMillis
  })
  yield* createTenant({ title: "Tenant", username: tenant.username, password: Redacted.make(tenant.password) })
})
