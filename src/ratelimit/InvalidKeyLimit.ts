/**
 * Slows down the guessing of keys: each request without a valid key counts against its address, and an address that has used up its limit
 * is told nothing any more, whatever it presents. Those who came from there with a key before go on with that key.
 */
import { Context, Duration, Effect, Layer, Result } from "effect"
import { NetAddress } from "effect/net"
import { Settings } from "../config/Settings.ts"
import { RateLimits, type RateLimitStatus } from "./RateLimits.ts"

/** A network of IPv6 is handed out whole: whoever has one address of a /64 has all. */
const networkOf = (address: string): string => {
  if (!address.includes(":")) return address
  const parsed = NetAddress.ipv6FromString(address.split("%", 1)[0]!)
  if (Result.isFailure(parsed)) return address
  const network = NetAddress.ipv6ToSegments(parsed.success).slice(0, 4)
  return `${network.map((segment) => segment.toString(16)).join(":")}::/64`
}

const maxPairs = 10_000
const rememberedMillis = 60 * 60_000

/** Which key came from which address; bounded, the ones that came longest ago are forgotten first. */
export class KnownClients {
  private readonly until = new Map<string, number>()

  isKnown(address: string, keyId: string, now: number): boolean {
    const until = this.until.get(`${keyId} ${address}`)
    if (until === undefined || until <= now) return false
    // Not at each request: it is on the way of all of them.
    if (until - now < rememberedMillis / 2) this.remember(address, keyId, now)
    return true
  }

  remember(address: string, keyId: string, now: number) {
    const pair = `${keyId} ${address}`
    this.until.delete(pair)
    this.until.set(pair, now + rememberedMillis)
    if (this.until.size > maxPairs) for (const oldest of this.until.keys()) return void this.until.delete(oldest)
  }
}

export class InvalidKeyLimit extends Context.Service<
  InvalidKeyLimit,
  {
    /** A request from there had no valid key. */
    readonly recordFailure: (address: string) => Effect.Effect<RateLimitStatus>
    /** A request had this valid key: how the address stands when that must be looked at, or undefined when it came from there before. */
    readonly admit: (address: string, keyId: string, now: number) => Effect.Effect<RateLimitStatus> | undefined
  }
>()("boardwalk/ratelimit/InvalidKeyLimit") {
  static readonly layer = Layer.effect(
    InvalidKeyLimit,
    Effect.gen(function* () {
      const { rateLimit } = yield* Settings
      const limits = yield* RateLimits
      const acquaintances = new KnownClients()
      const common = { limit: rateLimit.requests, windowMillis: Duration.toMillis(rateLimit.window) }
      const bucketOf = (address: string) => ({ name: `address:${networkOf(address)}`, ...common })
      return {
        recordFailure: (address) => limits.consume(bucketOf(address)),
        admit: (address, keyId, now) =>
          acquaintances.isKnown(address, keyId, now)
            ? undefined
            : Effect.tap(limits.peek(bucketOf(address)), ({ exceeded }) =>
                Effect.sync(() => {
                  if (!exceeded) acquaintances.remember(address, keyId, now)
                })
              )
      }
    })
  )
}
