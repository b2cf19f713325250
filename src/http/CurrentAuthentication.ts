import { type Clock, Context, Equal } from "effect"
import type { ApiKey, ApiKeys, Denial } from "../apikeys/ApiKeys.ts"
import type { KeyScope } from "../domain/ApiKey.ts"

/** Why a request may not go on: its key is no longer valid, or has lost rights that the request began with. */
export type AuthorizationEnd = "ended" | "narrowed"

const isSameUser = ({ thingsBoard: now }: ApiKey, { thingsBoard: atStart }: ApiKey): boolean => {
  // A new password is still the same user; a new ThingsBoard API key may be another one's.
  if (now?._tag === "Password" && atStart?._tag === "Password") return now.username === atStart.username
  return Equal.equals(now, atStart)
}

/** Whether a key can still do what a request began to do with it. Wider rights, another name, limit or expiry do not matter. */
const hasRights = (now: ApiKey, atStart: ApiKey, scope: KeyScope | undefined): boolean =>
  (scope === undefined || now.scopes.has(scope)) &&
  (now.devices === undefined || (atStart.devices !== undefined && now.devices.includes(atStart.devices))) &&
  !now.lacksSecret &&
  isSameUser(now, atStart)

interface Authenticated {
  readonly result: ApiKey | Denial
  readonly keys: ApiKeys["Service"]
  readonly clock: Clock.Clock
  /** The client's address. */
  readonly address: string
}

/**
 * The authentication of one request. Everything that handles the request shares it, so a key is hashed once and a request is counted
 * against one rate limit.
 */
export class RequestAuthentication {
  private authenticated: Authenticated | undefined

  /** The last entry of the key that was found to have the rights of the request, so that the chunks of a file compare it once. */
  private approved: ApiKey | undefined

  /** Whether a rate limit has counted the request. */
  isCounted = false

  /** The scope of the endpoint; undefined until the request is authorized. */
  scope: KeyScope | undefined

  /** Looks up the presented key (`""` for none) for a client at an address. Later calls return the first result. */
  authenticate(presented: string, keys: ApiKeys["Service"], clock: Clock.Clock, address = ""): ApiKey | Denial {
    this.authenticated ??= { result: keys.authenticate(presented, clock.currentTimeMillisUnsafe(), address), keys, clock, address }
    return this.authenticated.result
  }

  /**
   * Why the request may not go on, if it may not. Whatever can take long asks for it: uploads and downloads for every chunk, others after
   * their body has arrived. This is the only place that compares what the key could do at the start with what it may do now.
   */
  findEnd(): AuthorizationEnd | undefined {
    if (this.authenticated === undefined) return "ended"
    const { address, clock, keys, result: atStart } = this.authenticated
    if (atStart._tag === "Denial") return "ended"
    const current = keys.current(atStart, clock.currentTimeMillisUnsafe())
    if (current === undefined) return "ended"
    if (current === atStart || current === this.approved) return undefined
    if (current.allowsAddress?.(address) === false) return "ended"
    if (!hasRights(current, atStart, this.scope)) return "narrowed"
    this.approved = current
    return undefined
  }

  isStillAuthorized(): boolean {
    return this.findEnd() === undefined
  }
}

/** The authentication of the request that is being handled; undefined outside a server, as in tests of single handlers. */
export const CurrentAuthentication = Context.Reference<RequestAuthentication | undefined>("boardwalk/http/CurrentAuthentication", {
  defaultValue: () => undefined
})

/** Gives a new request its own authentication. */
export const addAuthentication = <R>(services: Context.Context<R>): Context.Context<R> =>
  Context.add(services, CurrentAuthentication, new RequestAuthentication())
