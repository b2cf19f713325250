import { Context } from "effect"
import type { Authority } from "../store/Accounts.ts"

/** The user who makes a request, authenticated by a token or an API key. */
export interface User {
  readonly id: string
  readonly email: string
  readonly authority: Authority
  readonly tenantId: string
  readonly customerId: string | null
  /** Undefined for an API key. */
  readonly sessionId: string | undefined
}

export class Caller extends Context.Service<Caller, User>()("boardwalk/emulator/auth/Caller") {}

/** The caller of endpoints that need no login. */
export const anonymous: User = { id: "", email: "", authority: "CUSTOMER_USER", tenantId: "", customerId: null, sessionId: undefined }
