/**
 * Slows down key guessing: each request without a valid key counts against its client's address. An address that has used up its limit
 * gets 429 whatever key it presents, so it learns nothing about keys. A key that was used from the address before still works there.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../config/Settings.ts"
import { countedAddress } from "../platform/addresses.ts"
import { RateLimits, type RateLimitStatus } from "./RateLimits.ts"

const maxPairs = 10_000
const retentionMillis = 60 * 60_000

/** Remembers which keys were used from which addresses. Beyond `maxPairs`, the least recently used pairs are forgotten. */
export class KnownClients {
  private readonly expiries = new Map<string, number>()

  isKnown(address: string, keyId: string, now: number): boolean {
    const expiry = this.expiries.get(`${keyId} ${address}`)
    if (expiry === undefined || expiry <= now) return false
    // Renewed only in the second half of the time, since this runs on every request.
    if (expiry - now < retentionMillis / 2) this.remember(address, keyId, now)
    return true
  }

  remember(address: string, keyId: string, now: number) {
    const pair = `${keyId} ${address}`
    this.expiries.delete(pair)
    this.expiries.set(pair, now + retentionMillis)
    if (this.expiries.size > maxPairs) for (const oldest of this.expiries.keys()) return void this.expiries.delete(oldest)
  }
}

export class InvalidKeyLimit extends Context.Service<
  InvalidKeyLimit,
  {
    /** Counts a request without a valid key against its address. */
    readonly recordFailure: (address: string) => Effect.Effect<RateLimitStatus>
    /** Counts an OPTIONS request, which carries no key, against its address, separately from failures. */
    readonly countOptions: (address: string) => Effect.Effect<RateLimitStatus>
    /** For a request with a valid key: the status of its address, which may be exceeded, or undefined if the key was used from there before. */
    readonly admit: (address: string, keyId: string, now: number) => Effect.Effect<RateLimitStatus> | undefined
  }
>()("boardwalk/ratelimit/InvalidKeyLimit") {
  static readonly layer = Layer.effect(
    InvalidKeyLimit,
    Effect.gen(function* () {
      const { rateLimit } = yield* Settings
      const limits = yield* RateLimits
      const knownClients = new KnownClients()
      const perAddress = { limit: rateLimit.requests, windowMillis: Duration.toMillis(rateLimit.window) }
      const bucketOf = (address: string) => ({ name: `address:${countedAddress(address)}`, ...perAddress })
      return {
        recordFailure: (address) => limits.consume(bucketOf(address)),
        countOptions: (address) => limits.consume({ name: `address:options:${countedAddress(address)}`, ...perAddress }),
        admit: (address, keyId, now) =>
          knownClients.isKnown(address, keyId, now)
            ? undefined
            : Effect.tap(limits.peek(bucketOf(address)), ({ exceeded }) =>
                Effect.sync(() => {
                  if (!exceeded) knownClients.remember(address, keyId, now)
                })
              )
      }
    })
  )
}
