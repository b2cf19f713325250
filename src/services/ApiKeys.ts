/** The keys that applications call with. Only digests are kept, so no key can be had from memory, a log or the file. */
import { Clock, Context, DateTime, Effect, FileSystem, Layer, Redacted, Schedule, Schema } from "effect"
import { Settings } from "../config/Settings.ts"
import { allScopes, type KeyEntry, KeysFile, type KeyScope } from "../domain/ApiKey.ts"
import { sha256 } from "../platform/Digest.ts"
import { changesOf, endingSoon } from "./keyNews.ts"
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
      let held: KeysFile | undefined

      if (apiKeysFile !== undefined) {
        const files = yield* FileSystem.FileSystem
        const load = files.readFileString(apiKeysFile).pipe(
          Effect.flatMap((text) => decode(text, { errors: "all", onExcessProperty: "error" })),
          Effect.mapError((error) => new KeysFileBroken({ message: `API_KEYS_FILE cannot be used: ${error.message}` })),
          Effect.flatMap((file) => {
            const before = held
            held = file
            ring = new Map([...fromFile(file), ...own])
            return before === undefined
              ? Effect.void
              : Effect.andThen(Effect.logInfo("API_KEYS_FILE was read anew", changesOf(before, file)), warnOfEnding(file))
          })
        )
        const version = Effect.map(files.stat(apiKeysFile), ({ mtime, size }) => `${String(mtime)} ${size}`)
        // Before the first reading, so that a change during it is seen.
        const first = yield* Effect.orElseSucceed(version, () => undefined)
        yield* load
        yield* Effect.forkScoped(
          Effect.repeat(
            Effect.suspend(() => (held === undefined ? Effect.void : warnOfEnding(held))),
            Schedule.spaced("1 day")
          )
        )
        yield* Effect.forkScoped(reloading(load, version, first))
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

const warnOfEnding = Effect.fnUntraced(function* (file: KeysFile) {
  for (const { days, expiresAt, id } of endingSoon(file, yield* Clock.currentTimeMillis))
    yield* Effect.logWarning("A key expires soon", { key_id: id, expires_at: expiresAt, days_left: days })
})

/** Looks for another version of the file every two seconds (a mounted secret is swapped by a link, which no watcher sees); a broken one is told once. */
const reloading = <E>(load: Effect.Effect<void, KeysFileBroken>, version: Effect.Effect<string, E>, first: string | undefined) => {
  let seen = first
  let told: string | undefined
  return Effect.gen(function* () {
    const current = yield* version
    told = undefined
    const changed = current !== seen
    seen = current
    if (!changed) return
    yield* load
  }).pipe(
    Effect.catch((error) => {
      if (told === String(error)) return Effect.void // a file that is gone would be told with every look
      told = String(error)
      return Effect.logError("API_KEYS_FILE is broken; the keys stay as they were", error)
    }),
    Effect.repeat(Schedule.spaced("2 seconds"))
  )
}
