/** The API keys of applications. Only digests are kept, so keys cannot be read from memory, logs or the file. */
import { Context, DateTime, Effect, Layer, Redacted } from "effect"
import { Settings, type TbCredentials } from "../config/Settings.ts"
import { allScopes, type KeyEntry, type KeyScope } from "../domain/ApiKey.ts"
import { digestOf, hasChecksumError } from "./KeyFormat.ts"
import type { KeyUser } from "./KeySecrets.ts"
import { type KeyFileContents, requireUsableKey, makeKeyFileReader } from "./KeyFile.ts"
import { type FileState, reloadKeyFile } from "./reloadKeyFile.ts"
import { addressMatcher } from "../domain/Network.ts"
import { Visibility } from "../domain/Visibility.ts"

export interface ApiKey {
  readonly _tag: "ApiKey"
  /** Names the key in logs. */
  readonly id: string
  /** SHA-256 of the key, in hexadecimal digits. */
  readonly digest: string
  readonly scopes: ReadonlySet<KeyScope>
  /** The devices that the key may see; undefined for all. */
  readonly devices: Visibility | undefined
  /** The credentials of the ThingsBoard user that the key acts as; undefined for the gateway's own user. */
  readonly thingsBoard: TbCredentials | undefined
  /** The secret of the key's ThingsBoard user is missing: its requests fail, rather than run as the gateway's own user. */
  readonly lacksSecret: boolean
  /** The key's own limit; undefined for RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW. */
  readonly rateLimit: KeyRateLimit | undefined
  /** Whether the key may be used from an address; undefined if it may be used from all. */
  readonly allowsAddress: ((address: string) => boolean) | undefined
  /** Epoch ms. */
  readonly expiresAt: number
}

export interface KeyRateLimit {
  readonly requests: number
  readonly windowMillis: number
  /** Bytes per window; undefined for RATE_LIMIT_READ_BYTES and RATE_LIMIT_WRITE_BYTES. */
  readonly readBytes?: number | undefined
  readonly writeBytes?: number | undefined
}

/** Why a presented key cannot be used. */
export interface Denial {
  readonly _tag: "Denial"
  /** For the log only: callers must not learn that a key was valid once. */
  readonly reason: "missing" | "unknown" | "mistyped" | "expired" | "disabled" | "address"
  /** The id of a key that is known but cannot be used; for the log only. */
  readonly keyId?: string
  /** Whether the text looks like a generated key whose checksum is wrong. Callers may be told: the checksum is no secret. */
  readonly hasChecksumError: boolean
}

/** Keys by their SHA-256. The timing of a lookup by digest reveals nothing about keys. */
interface KeyRing {
  readonly keys: ReadonlyMap<string, ApiKey>
  /** The same keys by id. */
  readonly byId: ReadonlyMap<string, ApiKey>
  /** The ids of disabled keys. */
  readonly disabled: ReadonlyMap<string, string>
}

/** Credentials that ThingsBoard rejects without locking an account, in case they are ever sent. */
const noCredentials: TbCredentials = { _tag: "ApiKey", key: Redacted.make("") }

const fromEntry = (entry: KeyEntry, user: KeyUser | undefined): ApiKey => ({
  _tag: "ApiKey",
  id: entry.id,
  digest: entry.sha256,
  scopes: new Set(entry.scopes),
  devices: entry.devices === undefined ? undefined : new Visibility(entry.devices, entry.assets),
  thingsBoard: user?._tag === "SecretMissing" ? noCredentials : user,
  lacksSecret: user?._tag === "SecretMissing",
  rateLimit:
    entry.rate_limit === undefined
      ? undefined
      : {
          requests: entry.rate_limit.requests,
          windowMillis: entry.rate_limit.window_seconds * 1000,
          readBytes: entry.rate_limit.read_bytes,
          writeBytes: entry.rate_limit.write_bytes
        },
  allowsAddress: entry.cidrs === undefined ? undefined : addressMatcher(entry.cidrs),
  expiresAt: entry.expires_at === undefined ? Number.POSITIVE_INFINITY : DateTime.toEpochMillis(entry.expires_at)
})

/** `API_KEY`: the one key with all scopes. */
const fromSetting = (setting: Redacted.Redacted<string> | undefined): KeyRing["keys"] => {
  if (setting === undefined) return new Map()
  const key: ApiKey = {
    _tag: "ApiKey",
    id: "default",
    digest: digestOf(Redacted.value(setting)),
    scopes: new Set(allScopes),
    devices: undefined,
    thingsBoard: undefined,
    lacksSecret: false,
    rateLimit: undefined,
    allowsAddress: undefined,
    expiresAt: Number.POSITIVE_INFINITY
  }
  return new Map([[key.digest, key]])
}

const toRing = (keys: KeyRing["keys"], disabled: KeyRing["disabled"]): KeyRing => ({
  keys,
  byId: new Map([...keys.values()].map((key) => [key.id, key])),
  disabled
})

const fromFile = ({ file, users }: KeyFileContents, settingKey: KeyRing["keys"]): KeyRing => {
  const [disabled, enabled] = [file.keys.filter((key) => key.disabled === true), file.keys.filter((key) => key.disabled !== true)]
  return toRing(
    new Map([...enabled.map((key) => [key.sha256, fromEntry(key, users.get(key.id))] as const), ...settingKey]),
    new Map(disabled.map(({ id, sha256 }) => [sha256, id]))
  )
}

/**
 * Hashes the presented text once, whether or not there is such a key. Every denial also checks the checksum, so that a key that is
 * expired, disabled or used from elsewhere takes as long as an unknown one.
 */
const authenticate = ({ disabled, keys }: KeyRing, presented: string, nowMillis: number, address = ""): ApiKey | Denial => {
  if (presented === "") return { _tag: "Denial", reason: "missing", hasChecksumError: false }
  const digest = digestOf(presented)
  const key = keys.get(digest)
  const isExpired = key !== undefined && nowMillis >= key.expiresAt
  if (key !== undefined && !isExpired && key.allowsAddress?.(address) !== false) return key
  const mistyped = hasChecksumError(presented)
  if (key !== undefined) return { _tag: "Denial", reason: isExpired ? "expired" : "address", keyId: key.id, hasChecksumError: mistyped }
  const disabledId = disabled.get(digest)
  if (disabledId !== undefined) return { _tag: "Denial", reason: "disabled", keyId: disabledId, hasChecksumError: mistyped }
  return { _tag: "Denial", reason: mistyped ? "mistyped" : "unknown", hasChecksumError: mistyped }
}

export class ApiKeys extends Context.Service<
  ApiKeys,
  {
    /** The key that was presented (`""` for none), or why it cannot be used, at all or from the client's address. */
    readonly authenticate: (presented: string, nowMillis: number, address?: string) => ApiKey | Denial
    /** The current entry of a key: undefined once it has been removed or disabled, or has expired. Hashes nothing. */
    readonly current: (key: ApiKey, nowMillis: number) => ApiKey | undefined
    /**
     * The key with an id, also if it has expired; undefined if it has been removed or disabled. For what was accepted from the key earlier:
     * a request must present the key itself.
     */
    readonly byId: (id: string) => ApiKey | undefined
    /** Whether API_KEYS_FILE is valid; undefined without one. */
    readonly fileState: () => FileState | undefined
  }
>()("boardwalk/apikeys/ApiKeys") {
  static readonly layer = Layer.effect(
    ApiKeys,
    Effect.gen(function* () {
      const { apiKey, apiKeysFile } = yield* Settings
      const settingKey = fromSetting(apiKey)
      let ring = toRing(settingKey, new Map())
      let fileState: FileState | undefined

      if (apiKeysFile !== undefined) {
        const read = makeKeyFileReader(apiKeysFile, apiKey)
        const first = yield* Effect.flatMap(read, (contents) => requireUsableKey(contents, apiKey))
        ring = fromFile(first, settingKey)
        fileState = "loaded"
        yield* reloadKeyFile(first, read, {
          onLoaded: (contents) => {
            ring = fromFile(contents, settingKey)
          },
          onStateChange: (state) => {
            fileState = state
          }
        })
      }

      return {
        authenticate: (presented, nowMillis, address) => authenticate(ring, presented, nowMillis, address),
        current: ({ digest }, nowMillis) => {
          const key = ring.keys.get(digest)
          return key !== undefined && nowMillis < key.expiresAt ? key : undefined
        },
        byId: (id) => ring.byId.get(id),
        fileState: () => fileState
      }
    })
  )
}
