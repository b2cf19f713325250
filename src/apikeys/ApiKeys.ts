/** The keys that applications call with. Only digests are kept, so no key can be had from memory, a log or the file. */
import { Context, DateTime, Effect, Layer, Redacted } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { allScopes, type KeyEntry, type KeyScope } from "../domain/ApiKey.ts"
import { sha256 } from "../platform/Digest.ts"
import { hasChecksumError } from "./KeyFormat.ts"
import type { KeyUser } from "./KeySecrets.ts"
import { type KeyFileContents, requireUsableKey, makeKeyFileReader } from "./KeyFile.ts"
import { type FileState, reloadKeyFile } from "./reloadKeyFile.ts"
import { Visibility } from "../domain/Visibility.ts"

export interface ApiKey {
  /** Names the key in logs. */
  readonly id: string
  readonly scopes: ReadonlySet<KeyScope>
  /** All devices when there is none. */
  readonly devices: Visibility | undefined
  /** The ThingsBoard user that the key acts as; the gateway's own when there is none. */
  readonly thingsBoard: TbCredentials | undefined
  /** The secret of its ThingsBoard user is missing: it may do nothing, least of all as the gateway's own user. */
  readonly lacksSecret: boolean
  /** RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW when there is none. */
  readonly rateLimit: { readonly requests: number; readonly windowMillis: number } | undefined
  /** Epoch ms. */
  readonly expiresAt: number
}

/** Why what was presented opens nothing; for the log. */
export interface Denial {
  readonly reason: "missing" | "unknown" | "mistyped" | "expired" | "disabled"
  /** Of the entry, where there is one. */
  readonly keyId?: string
}

/** Keys by the SHA-256 of what is presented: looking a digest up tells an attacker nothing about keys. */
interface KeyRing {
  readonly keys: ReadonlyMap<string, ApiKey>
  /** Ids of those that are disabled. */
  readonly disabled: ReadonlyMap<string, string>
}

/** No credentials at all: should ever anybody call ThingsBoard with them, it refuses, and no account is locked. */
const nobody: TbCredentials = { _tag: "ApiKey", key: Redacted.make("") }

const fromEntry = (entry: KeyEntry, user: KeyUser | undefined): ApiKey => ({
  id: entry.id,
  scopes: new Set(entry.scopes),
  devices: entry.devices === undefined ? undefined : new Visibility(entry.devices),
  thingsBoard: user?._tag === "SecretMissing" ? nobody : user,
  lacksSecret: user?._tag === "SecretMissing",
  rateLimit:
    entry.rate_limit === undefined
      ? undefined
      : { requests: entry.rate_limit.requests, windowMillis: entry.rate_limit.window_seconds * 1000 },
  expiresAt: entry.expires_at === undefined ? Number.POSITIVE_INFINITY : DateTime.toEpochMillis(entry.expires_at)
})

/** `API_KEY`: the one key with all rights. */
const fromSetting = (key: Redacted.Redacted<string> | undefined): KeyRing["keys"] =>
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
            lacksSecret: false,
            rateLimit: undefined,
            expiresAt: Number.POSITIVE_INFINITY
          }
        ]
      ])

const fromFile = ({ file, users }: KeyFileContents, own: KeyRing["keys"]): KeyRing => {
  const [disabled, enabled] = [file.keys.filter((key) => key.disabled === true), file.keys.filter((key) => key.disabled !== true)]
  return {
    keys: new Map([...enabled.map((key) => [key.sha256, fromEntry(key, users.get(key.id))] as const), ...own]),
    disabled: new Map(disabled.map(({ id, sha256 }) => [sha256, id]))
  }
}

const denialOf = ({ disabled, keys }: KeyRing, presented: string): Denial => {
  if (presented === "") return { reason: "missing" }
  const digest = sha256(presented).toString("hex")
  const [expired, off] = [keys.get(digest)?.id, disabled.get(digest)]
  if (expired !== undefined) return { reason: "expired", keyId: expired }
  if (off !== undefined) return { reason: "disabled", keyId: off }
  return { reason: hasChecksumError(presented) ? "mistyped" : "unknown" }
}

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** The key that was presented, or undefined when there is none, it has expired or is disabled. */
    readonly verify: (presented: string, nowMillis: number) => ApiKey | undefined
    /** Of what `verify` does not know. Not for callers: to them all of it is alike. */
    readonly denialOf: (presented: string) => Denial
    /** How API_KEYS_FILE stands; undefined where there is none. */
    readonly fileState: () => FileState | undefined
  }
>()("boardwalk/apikeys/ApiKeys") {
  static readonly layer = Layer.effect(
    ApiKeys,
    Effect.gen(function* () {
      const { apiKey, apiKeysFile } = yield* Settings
      const own = fromSetting(apiKey)
      let ring: KeyRing = { keys: own, disabled: new Map() }
      let fileState: FileState | undefined

      if (apiKeysFile !== undefined) {
        const read = makeKeyFileReader(apiKeysFile, apiKey)
        const first = yield* Effect.flatMap(read, (found) => requireUsableKey(found, apiKey))
        ring = fromFile(first, own)
        fileState = "read"
        yield* reloadKeyFile(first, read, {
          onLoaded: (found) => {
            ring = fromFile(found, own)
          },
          onStateChange: (state) => {
            fileState = state
          }
        })
      }

      return {
        verify: (presented, nowMillis) => {
          const key = ring.keys.get(sha256(presented).toString("hex"))
          return key !== undefined && nowMillis < key.expiresAt ? key : undefined
        },
        denialOf: (presented) => denialOf(ring, presented),
        fileState: () => fileState
      }
    })
  )
}
