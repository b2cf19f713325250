/** The keys that applications call with. Only digests are kept. */
import { Context, Effect, Layer, Redacted } from "effect"
import { Settings } from "../config/Settings.ts"
import { equalDigests, sha256 } from "../platform/Digest.ts"

export interface ApiKey {
  /** Names the key in logs. */
  readonly id: string
}

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** The key that was presented, or undefined. Takes the same time for every wrong key. */
    readonly verify: (presented: string) => ApiKey | undefined
  }
>()("boardwalk/services/ApiKeys") {
  /** The one key of `API_KEY`, which has all rights. */
  static readonly layer = Layer.effect(
    ApiKeys,
    Effect.gen(function* () {
      const { apiKey } = yield* Settings
      const digest = sha256(Redacted.value(apiKey))
      const key: ApiKey = { id: "default" }
      return { verify: (presented) => (equalDigests(sha256(presented), digest) ? key : undefined) }
    })
  )
}
