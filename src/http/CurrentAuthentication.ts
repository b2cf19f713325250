import { type Clock, Context } from "effect"
import type { ApiKey, ApiKeys, Denial } from "../apikeys/ApiKeys.ts"

/**
 * The authentication of one request. Everything that handles the request shares it, so a key is hashed once and a request is counted
 * against one rate limit.
 */
export class RequestAuthentication {
  private result: ApiKey | Denial | undefined

  /** Whether a rate limit has counted the request. */
  isCounted = false

  constructor(
    private readonly keys: ApiKeys["Service"],
    private readonly clock: Clock.Clock
  ) {}

  /** Looks up the presented key (`""` for none). Later calls return the first result. */
  authenticate(presented: string): ApiKey | Denial {
    return (this.result ??= this.keys.authenticate(presented, this.clock.currentTimeMillisUnsafe()))
  }

  /**
   * Whether the key that was valid when the request began may still be used. Uploads and downloads that can take long ask for every
   * chunk. This is the only place that decides it: a comparison of what the key could do at the start with what it may do now belongs here.
   */
  isStillAuthorized(): boolean {
    const atStart = this.result
    if (atStart?._tag !== "ApiKey") return false
    const current = this.keys.current(atStart, this.clock.currentTimeMillisUnsafe())
    return current !== undefined
  }
}

/** The authentication of the request that is being handled; undefined outside a server, as in tests of single handlers. */
export const CurrentAuthentication = Context.Reference<RequestAuthentication | undefined>("boardwalk/http/CurrentAuthentication", {
  defaultValue: () => undefined
})
