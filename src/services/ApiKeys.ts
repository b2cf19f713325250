/** The keys that applications call with. Only digests are kept, so no key can be had from memory, a log or the file. */
import { Context, DateTime, Effect, FileSystem, Layer, Redacted, Schedule, Schema } from "effect"
import { Settings } from "../config/Settings.ts"
import { allScopes, type KeyEntry, KeysFile, type KeyScope } from "../domain/ApiKey.ts"
import { sha256 } from "../platform/Digest.ts"
import { Visibility } from "./Visibility.ts"

export interface ApiKey {
  /** Names the key in logs. */
  readonly id: string
  readonly scopes: ReadonlySet<KeyScope>
  /** All devices when there is none. */
  readonly devices: Visibility | undefined
  /** RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW when there is none. */
  readonly rateLimit: { readonly requests: number; readonly windowMillis: number } | undefined
  /** Epoch ms. */
  readonly expiresAt: number
}

/** Keys by the SHA-256 of what is presented: looking a digest up tells an attacker nothing about keys. */
type KeyRing = ReadonlyMap<string, ApiKey>

const fromEntry = (entry: KeyEntry): ApiKey => ({
  id: entry.id,
  scopes: new Set(entry.scopes),
  devices: entry.devices === undefined ? undefined : new Visibility(entry.devices),
  rateLimit:
    entry.rate_limit === undefined
      ? undefined
      : { requests: entry.rate_limit.requests, windowMillis: entry.rate_limit.window_seconds * 1000 },
  expiresAt: entry.expires_at === undefined ? Number.POSITIVE_INFINITY : DateTime.toEpochMillis(entry.expires_at)
})

const fromFile = ({ keys }: KeysFile): KeyRing =>
  new Map(keys.filter((key) => key.disabled !== true).map((key) => [key.sha256, fromEntry(key)]))

/** `API_KEY`: the one key with all rights. */
const fromSetting = (key: Redacted.Redacted<string> | undefined): KeyRing =>
  key === undefined
    ? new Map()
    : new Map([
        [
          sha256(Redacted.value(key)).toString("hex"),
          { id: "default", scopes: new Set(allScopes), devices: undefined, rateLimit: undefined, expiresAt: Number.POSITIVE_INFINITY }
        ]
      ])

export class KeysFileBroken extends Schema.TaggedError<KeysFileBroken>()("KeysFileBroken", { message: Schema.String }) {}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(KeysFile))

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** The key that was presented, or undefined when there is none, it has expired or is disabled. */
    readonly verify: (presented: string, nowMillis: number) => ApiKey | undefined
  }
>()("boardwalk/services/ApiKeys") {
  static readonly layer = Layer.effect(
    ApiKeys,
    Effect.gen(function* () {
      const { apiKey, apiKeysFile } = yield* Settings
      const own = fromSetting(apiKey)
      let ring: KeyRing = own

      if (apiKeysFile !== undefined) {
        const files = yield* FileSystem.FileSystem
        const load = files.readFileString(apiKeysFile).pipe(
          Effect.flatMap((text) => decode(text, { errors: "all", onExcessProperty: "error" })),
          Effect.mapError((error) => new KeysFileBroken({ message: `API_KEYS_FILE cannot be used: ${error.message}` })),
          Effect.map((file) => {
            ring = new Map([...fromFile(file), ...own])
          })
        )
        yield* load
        yield* Effect.forkScoped(
          reloading(
            load,
            Effect.map(files.stat(apiKeysFile), ({ mtime, size }) => `${String(mtime)} ${size}`)
          )
        )
      }

      return {
        verify: (presented, nowMillis) => {
          const key = ring.get(sha256(presented).toString("hex"))
          return key !== undefined && nowMillis < key.expiresAt ? key : undefined
        }
      }
    })
  )
}

/** Looks for another version of the file every two seconds (a mounted secret is swapped by a link, which no watcher sees); a broken one is told once. */
const reloading = <E>(load: Effect.Effect<void, KeysFileBroken>, version: Effect.Effect<string, E>) => {
  let seen: string | undefined
  return Effect.gen(function* () {
    const current = yield* version
    const changed = seen !== undefined && current !== seen
    seen = current
    if (!changed) return
    yield* load
    yield* Effect.logInfo("API_KEYS_FILE was read anew")
  }).pipe(
    Effect.catch((error) => Effect.logError("API_KEYS_FILE is broken; the keys stay as they were", error)),
    Effect.repeat(Schedule.spaced("2 seconds"))
  )
}
