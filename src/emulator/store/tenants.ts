/** Tenants with an administrator who can log in, and what an empty store begins with. */
import { Clock, Effect, Redacted } from "effect"
import { noCustomerId } from "../../domain/Ids.ts"
import { Store } from "./Store.ts"

export interface NewTenant {
  readonly title?: string
  /** The e-mail address of its administrator. */
  readonly username: string
  readonly password: Redacted.Redacted<string>
}

export interface Tenant {
  readonly tenantId: string
  /** Its administrator. */
  readonly userId: string
}

/** The accounts of a fresh ThingsBoard with its demo data. */
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

/** Nothing when the store holds what an earlier run stored. */
export const createDefaultAccounts = Effect.gen(function* () {
  const { accounts, isEmpty } = yield* Store
  if (!isEmpty()) return
  const { system, tenant } = defaultAccounts
  accounts.createUser({
    tenantId: noCustomerId, // also stands for "no tenant"
    email: system.username,
    password: Redacted.make(system.password),
    authority: "SYS_ADMIN",
    now: yield* Clock.currentTimeMillis
  })
  yield* createTenant({ title: "Tenant", username: tenant.username, password: Redacted.make(tenant.password) })
})
