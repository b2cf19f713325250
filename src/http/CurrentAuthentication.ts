import { type Clock, Context } from "effect"
import type { ApiKey, ApiKeys, Denial } from "../apikeys/ApiKeys.ts"

interface Authenticated {
  readonly result: ApiKey | Denial
  readonly keys: ApiKeys["Service"]
  readonly clock: Clock.Clock
}

/**
 * The authentication of one request. Everything that handles the request shares it, so a key is hashed once and a request is counted
 * against one rate limit.
 */
export class RequestAuthentication {
  private authenticated: Authenticated | undefined

  /** Whether a rate limit has counted the request. */
  isCounted = false

  /** Looks up the presented key (`""` for none). Later calls return the first result. */
  authenticate(presented: string, keys: ApiKeys["Service"], clock: Clock.Clock): ApiKey | Denial {
    this.authenticated ??= { result: keys.authenticate(presented, clock.currentTimeMillisUnsafe()), keys, clock }
    return this.authenticated.result
  }

  /**
   * Whether the key that was valid when the request began may still be used. Uploads and downloads that can take long ask for every
   * chunk. This is the only place that decides it: a comparison of what the key could do at the start with what it may do now belongs here.
   */
  isStillAuthorized(): boolean {
    if (this.authenticated === undefined) return false
    const { clock, keys, result: atStart } = this.authenticated
    if (atStart._tag === "Denial") return false
    const current = keys.current(atStart, clock.currentTimeMillisUnsafe())
    return current !== undefined
  }
}

/** The authentication of the request that is being handled; undefined outside a server, as in tests of single handlers. */
export const CurrentAuthentication = Context.Reference<RequestAuthentication | undefined>("boardwalk/http/CurrentAuthentication", {
  defaultValue: () => undefined
})

/** Gives a new request its own authentication. */
export const addAuthentication = <R>(services: Context.Context<R>): Context.Context<R> =>
  Context.add(services, CurrentAuthentication, new RequestAuthentication())
