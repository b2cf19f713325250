/** Reads the secrets that the key file refers to. The file itself never contains them. */
import { ConfigProvider, Effect, FileSystem, Redacted } from "effect"
import { readEnvFile, type EnvFile } from "../config/envFile.ts"
import type { TbCredentials } from "../config/Settings.ts"
import type { KeyIdentity, SecretReference } from "../domain/ApiKey.ts"

/** The secret is missing or empty. */
export interface SecretMissing {
  readonly _tag: "SecretMissing"
  /** Says where the secret was looked for. */
  readonly reason: string
}

/** The credentials that a key acts with, unless their secret is missing. */
export type KeyUser = TbCredentials | SecretMissing

/** The settings file, whose variables are used if the environment does not have them, as for settings. Undefined if it cannot be read. */
export type DotEnv = Effect.Effect<EnvFile | undefined, never, FileSystem.FileSystem>

/** Reads the settings file at most once, and only when it is needed. */
export const cachedDotEnv = Effect.cached(Effect.orElseSucceed(readEnvFile, () => undefined))

const loadVariable = Effect.fnUntraced(function* (name: string) {
  const provider = yield* ConfigProvider.ConfigProvider
  return (yield* Effect.orElseSucceed(provider.load([name]), () => undefined))?.value
})

/**
 * Whether a `.env` that nobody named chooses the server that secrets are sent to. It may not choose it for secrets that are elsewhere: the
 * file could also name the key file, and that any secret of this machine.
 */
const choosesServer = Effect.fnUntraced(function* (file: EnvFile | undefined) {
  if (file === undefined || file.isNamed) return false
  for (const variable of ["TB_HOST", "TB_CA_FILE"]) if (file.values.get(variable) && !(yield* loadVariable(variable))) return true
  return false
})

const readSecretFile = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(files.readFileString(path), () => "")
})

const readSecretVariable = Effect.fnUntraced(function* (name: string, dotEnv: DotEnv) {
  return (yield* loadVariable(name)) || ((yield* dotEnv)?.values.get(name) ?? "")
})

const missing = (reference: SecretReference): SecretMissing => ({
  _tag: "SecretMissing",
  reason:
    "file" in reference
      ? `the file ${reference.file} is empty or cannot be read`
      : `the variable ${reference.env} is empty or not set, in the environment and in .env`
})

const elsewhere: SecretMissing = {
  _tag: "SecretMissing",
  reason:
    "TB_HOST or TB_CA_FILE is in .env of the working directory, but this secret is not: the file must not choose where a secret is sent. If you trust it, name it with --env-file .env"
}

/** Drops a final line break, which editors and `echo` add. */
const readSecret = Effect.fnUntraced(function* (reference: SecretReference, dotEnv: DotEnv) {
  const file = yield* dotEnv
  if (yield* choosesServer(file)) {
    const secret = "env" in reference && !(yield* loadVariable(reference.env)) ? (file?.values.get(reference.env) ?? "") : ""
    return secret === "" ? elsewhere : Redacted.make(secret)
  }
  const text = yield* "file" in reference ? readSecretFile(reference.file) : readSecretVariable(reference.env, dotEnv)
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
