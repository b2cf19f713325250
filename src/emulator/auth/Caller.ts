import { Context } from "effect"
import type { Authority } from "../store/Accounts.ts"

/** Who calls: a user, by a token or by an API key. */
export interface User {
  readonly id: string
  readonly email: string
  readonly authority: Authority
  readonly tenantId: string
  readonly customerId: string | null
  /** None for an API key. */
  readonly sessionId: string | undefined
}

export class Caller extends Context.Service<Caller, User>()("boardwalk/emulator/auth/Caller") {}

/** For what needs no login. */
export const anonymous: User = { id: "", email: "", authority: "CUSTOMER_USER", tenantId: "", customerId: null, sessionId: undefined }
