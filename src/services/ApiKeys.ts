/** The keys that applications call with. Only digests are kept, so no key can be had from memory, a log or the file. */
import { Clock, Context, DateTime, Effect, FileSystem, Layer, Option, Redacted, Schedule, Schema } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { allScopes, type KeyEntry, KeysFile, type KeyScope } from "../domain/ApiKey.ts"
import { sha256 } from "../platform/Digest.ts"
import { changesOf, endingSoon } from "./keyNews.ts"
import { credentialsOf, secretFilesOf } from "./KeySecrets.ts"
import { Visibility } from "./Visibility.ts"

export interface ApiKey {
  /** Names the key in logs. */
  readonly id: string
  readonly scopes: ReadonlySet<KeyScope>
  /** All devices when there is none. */
  readonly devices: Visibility | undefined
  /** The ThingsBoard user that the key acts as; the gateway's own when there is none. */
  readonly thingsBoard: TbCredentials | undefined
  /** RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW when there is none. */
  readonly rateLimit: { readonly requests: number; readonly windowMillis: number } | undefined
  /** Epoch ms. */
  readonly expiresAt: number
}

/** Keys by the SHA-256 of what is presented: looking a digest up tells an attacker nothing about keys. */
type KeyRing = ReadonlyMap<string, ApiKey>

const fromEntry = (entry: KeyEntry, thingsBoard: TbCredentials | undefined): ApiKey => ({
  id: entry.id,
  scopes: new Set(entry.scopes),
  devices: entry.devices === undefined ? undefined : new Visibility(entry.devices),
  thingsBoard,
  rateLimit:
    entry.rate_limit === undefined
      ? undefined
      : { requests: entry.rate_limit.requests, windowMillis: entry.rate_limit.window_seconds * 1000 },
  expiresAt: entry.expires_at === undefined ? Number.POSITIVE_INFINITY : DateTime.toEpochMillis(entry.expires_at)
})

const broken = (message: string) => new KeysFileBroken({ message: `API_KEYS_FILE cannot be used: ${message}` })

const fromFile = Effect.fnUntraced(function* ({ keys }: KeysFile) {
  const ring = new Map<string, ApiKey>()
  for (const key of keys.filter(({ disabled }) => disabled !== true)) {
    const thingsBoard =
      key.thingsboard === undefined
        ? undefined
        : yield* Effect.mapError(credentialsOf(key.thingsboard), ({ message }) => broken(`the ThingsBoard user of ${key.id}: ${message}`))
    ring.set(key.sha256, fromEntry(key, thingsBoard))
  }
  return ring
})

/** `API_KEY`: the one key with all rights. */
const fromSetting = (key: Redacted.Redacted<string> | undefined): KeyRing =>
  key === undefined
    ? new Map()
    : new Map([
        [
          sha256(Redacted.value(key)).toString("hex"),
          {
            id: "default",
            scopes: new Set(allScopes),
            devices: undefined,
            thingsBoard: undefined,
            rateLimit: undefined,
            expiresAt: Number.POSITIVE_INFINITY
          }
        ]
      ])

export class KeysFileBroken extends Schema.TaggedError<KeysFileBroken>()("KeysFileBroken", { message: Schema.String }) {}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(KeysFile))

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** The key that was presented, or undefined when there is none, it has expired or is disabled. */
    readonly verify: (presented: string, nowMillis: number) => ApiKey | undefined
    /** Those that are not disabled. */
    readonly all: () => ReadonlyArray<ApiKey>
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
        let read: ReadonlyArray<string> = [apiKeysFile]
        const load = files.readFileString(apiKeysFile).pipe(
          Effect.flatMap((text) => decode(text, { errors: "all", onExcessProperty: "error" })),
          Effect.mapError((error) => broken(error.message)),
          Effect.tap(({ keys }) =>
            Effect.sync(() => {
              read = [apiKeysFile, ...keys.flatMap(({ thingsboard }) => (thingsboard === undefined ? [] : secretFilesOf(thingsboard)))]
            })
          ),
          Effect.flatMap((file) => Effect.map(fromFile(file), (keys) => [file, keys] as const)),
          Effect.flatMap(([file, keys]) => {
            const before = held
            held = file
            ring = new Map([...keys, ...own])
            return before === undefined
              ? Effect.void
              : Effect.andThen(Effect.logInfo("API_KEYS_FILE was read anew", changesOf(before, file)), warnOfEnding(file))
          })
        )
        const stamp = (path: string) =>
          Effect.match(files.stat(path), {
            onSuccess: ({ mtime, size }) => `${Option.getOrElse(mtime, () => new Date(0)).getTime()} ${size}`,
            onFailure: () => "missing"
          })
        const version = Effect.map(
          Effect.suspend(() => Effect.forEach(read, stamp)),
          (stamps) => stamps.join()
        )
        // Looked at before it is read: what is written meanwhile is another version.
        const before = yield* stamp(apiKeysFile)
        yield* load
        yield* Effect.forkScoped(
          Effect.repeat(
            Effect.suspend(() => (held === undefined ? Effect.void : warnOfEnding(held))),
            Schedule.spaced("1 day")
          )
        )
        const seen = [before, ...(yield* Effect.forEach(read.slice(1), stamp))].join()
        yield* Effect.forkScoped(reloading(load, seen, version))
      }

      return {
        verify: (presented, nowMillis) => {
          const key = ring.get(sha256(presented).toString("hex"))
          return key !== undefined && nowMillis < key.expiresAt ? key : undefined
        },
        all: () => [...ring.values()]
      }
    })
  )
}

const warnOfEnding = Effect.fnUntraced(function* (file: KeysFile) {
  for (const { days, expiresAt, id } of endingSoon(file, yield* Clock.currentTimeMillis))
    yield* Effect.logWarning("A key expires soon", { key_id: id, expires_at: expiresAt, days_left: days })
})

/**
 * Looks every two seconds for another version of the file, or of a secret that it names (a mounted secret is swapped by a link, which
 * no watcher sees); a broken one is told once.
 */
const reloading = (load: Effect.Effect<void, KeysFileBroken, FileSystem.FileSystem>, version: string, current: Effect.Effect<string>) => {
  let seen = version
  return Effect.gen(function* () {
    const found = yield* current
    if (found === seen) return
    seen = found
    yield* load
  }).pipe(
    Effect.catch((error) => Effect.logError("API_KEYS_FILE is broken; the keys stay as they were", error)),
    Effect.repeat(Schedule.spaced("2 seconds"))
  )
}
