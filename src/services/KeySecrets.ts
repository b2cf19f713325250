/** The secrets that a file of keys names: read where they stand, never kept in the file. */
import { ConfigProvider, Effect, FileSystem, Redacted, Schema } from "effect"
import type { TbCredentials } from "../config/Settings.ts"
import type { KeyIdentity, SecretReference } from "../domain/ApiKey.ts"

/** A reference that leads nowhere. It says where the secret was looked for. */
export class SecretMissing extends Schema.TaggedError<SecretMissing>()("SecretMissing", { message: Schema.String }) {}

const text = Effect.fnUntraced(function* (reference: SecretReference) {
  if ("file" in reference) {
    const files = yield* FileSystem.FileSystem
    return yield* Effect.orElseSucceed(files.readFileString(reference.file), () => "")
  }
  const provider = yield* ConfigProvider.ConfigProvider
  const node = yield* Effect.orElseSucceed(provider.load([reference.env]), () => undefined)
  return node?.value ?? ""
})

const placeOf = (reference: SecretReference) => ("file" in reference ? `the file ${reference.file}` : `the variable ${reference.env}`)

/** Editors and `echo` end a file with a line feed, which is not meant. */
const secret = Effect.fnUntraced(function* (reference: SecretReference) {
  const found = (yield* text(reference)).replace(/\r?\n$/, "")
  if (found === "") return yield* new SecretMissing({ message: `${placeOf(reference)} is empty or cannot be read` })
  return Redacted.make(found)
})

export const credentialsOf = (identity: KeyIdentity): Effect.Effect<TbCredentials, SecretMissing, FileSystem.FileSystem> =>
  "api_key" in identity
    ? Effect.map(secret(identity.api_key), (key) => ({ _tag: "ApiKey", key }))
    : Effect.map(secret(identity.password), (password) => ({ _tag: "Password", username: identity.username, password }))

/** The files that hold secrets of this user. */
export const secretFilesOf = (identity: KeyIdentity): ReadonlyArray<string> => {
  const reference = "api_key" in identity ? identity.api_key : identity.password
  return "file" in reference ? [reference.file] : []
}
