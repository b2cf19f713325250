/** Reads the secrets that the key file refers to. The file itself never contains them. */
import { ConfigProvider, Effect, FileSystem, Redacted } from "effect"
import { readDotEnv, type TbCredentials } from "../config/Settings.ts"
import type { KeyIdentity, SecretReference } from "../domain/ApiKey.ts"

/** The secret is missing or empty. */
export interface SecretMissing {
  readonly _tag: "SecretMissing"
  /** Says where the secret was looked for. */
  readonly reason: string
}

/** The credentials that a key acts with, unless their secret is missing. */
export type KeyUser = TbCredentials | SecretMissing

/** The variables of `.env`, which are used if the environment does not have them, as for settings. Empty if `.env` cannot be read. */
export type DotEnv = Effect.Effect<ReadonlyMap<string, string>, never, FileSystem.FileSystem>

/** Reads `.env` at most once, and only when it is needed. */
export const cachedDotEnv = Effect.cached(Effect.orElseSucceed(readDotEnv, () => new Map<string, string>()))

const readSecretFile = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(files.readFileString(path), () => "")
})

const readSecretVariable = Effect.fnUntraced(function* (name: string, dotEnv: DotEnv) {
  const provider = yield* ConfigProvider.ConfigProvider
  const node = yield* Effect.orElseSucceed(provider.load([name]), () => undefined)
  return node?.value || ((yield* dotEnv).get(name) ?? "")
})

const missing = (reference: SecretReference): SecretMissing => ({
  _tag: "SecretMissing",
  reason:
    "file" in reference
      ? `the file ${reference.file} is empty or cannot be read`
      : `the variable ${reference.env} is empty or not set, in the environment and in .env`
})

/** Drops a final line break, which editors and `echo` add. */
const readSecret = (reference: SecretReference, dotEnv: DotEnv) =>
  Effect.map("file" in reference ? readSecretFile(reference.file) : readSecretVariable(reference.env, dotEnv), (text) => {
    const secret = text.replace(/\r?\n$/, "")
    return secret === "" ? missing(reference) : Redacted.make(secret)
  })

const isMissing = (secret: SecretMissing | Redacted.Redacted<string>): secret is SecretMissing => !Redacted.isRedacted(secret)

export const resolveKeyUser = (identity: KeyIdentity, dotEnv: DotEnv): Effect.Effect<KeyUser, never, FileSystem.FileSystem> =>
  "api_key" in identity
    ? Effect.map(readSecret(identity.api_key, dotEnv), (key) => (isMissing(key) ? key : { _tag: "ApiKey", key }))
    : Effect.map(readSecret(identity.password, dotEnv), (password) =>
        isMissing(password) ? password : { _tag: "Password", username: identity.username, password }
      )
