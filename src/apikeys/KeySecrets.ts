/** The secrets that a file of keys names: read where they stand, never kept in the file. */
import { ConfigProvider, Effect, FileSystem, Redacted } from "effect"
import { readDotEnv, type TbCredentials } from "../config/Settings.ts"
import type { KeyIdentity, SecretReference } from "../domain/ApiKey.ts"

/** A reference that leads nowhere. */
export interface SecretMissing {
  readonly _tag: "SecretMissing"
  /** Where the secret was looked for. */
  readonly reason: string
}

/** Whom a key acts as, if it can. */
export type KeyUser = TbCredentials | SecretMissing

/** Of `.env` what a variable is when the environment has none, as for settings. One that cannot be read has nothing. */
export type DotEnv = Effect.Effect<ReadonlyMap<string, string>, never, FileSystem.FileSystem>

/** Read once, and only when it is needed. */
export const cachedDotEnv = Effect.cached(Effect.orElseSucceed(readDotEnv, () => new Map<string, string>()))

const ofFile = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(files.readFileString(path), () => "")
})

const ofVariable = Effect.fnUntraced(function* (name: string, dotEnv: DotEnv) {
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

/** Editors and `echo` end a file with a line feed, which is not meant. */
const secret = (reference: SecretReference, dotEnv: DotEnv) =>
  Effect.map("file" in reference ? ofFile(reference.file) : ofVariable(reference.env, dotEnv), (text) => {
    const found = text.replace(/\r?\n$/, "")
    return found === "" ? missing(reference) : Redacted.make(found)
  })

const isMissing = (found: SecretMissing | Redacted.Redacted<string>): found is SecretMissing => !Redacted.isRedacted(found)

export const resolveKeyUser = (identity: KeyIdentity, dotEnv: DotEnv): Effect.Effect<KeyUser, never, FileSystem.FileSystem> =>
  "api_key" in identity
    ? Effect.map(secret(identity.api_key, dotEnv), (key) => (isMissing(key) ? key : { _tag: "ApiKey", key }))
    : Effect.map(secret(identity.password, dotEnv), (password) =>
        isMissing(password) ? password : { _tag: "Password", username: identity.username, password }
      )
