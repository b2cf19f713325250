/**
 * Reads API_KEYS_FILE and the secrets that it refers to. An invalid file is rejected as a whole; a missing secret affects only the keys
 * that need it.
 */
import { Clock, DateTime, Effect, FileSystem, type PlatformError, Redacted, Result, Runtime, Schema } from "effect"
import type { Diagnostics, SettingIssue } from "../config/resolveSettings.ts"
import type { SettingsShape } from "../config/Settings.ts"
import { andMore } from "../domain/andMore.ts"
import { type KeyEntry, KeyId, type KeyIdentity, type KeysFile } from "../domain/ApiKey.ts"
import { findAccess } from "../platform/fileAccess.ts"
import { runInTurns } from "../platform/EventLoop.ts"
import { digestOf, looksGenerated } from "./KeyFormat.ts"
import { cachedDotEnv, type KeyUser, resolveKeyUser } from "./KeySecrets.ts"
import { type KeyFileError, type KeyFileProblem, parseKeyFile, parseKeyFileInSteps } from "./parseKeyFile.ts"

export class KeyFileInvalid extends Schema.TaggedError<KeyFileInvalid>()("KeyFileInvalid", {
  message: Schema.String,
  /** The message without the name of the setting. */
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
}

export interface KeyFileContents {
  /** The same object as before if the text has not changed. */
  readonly file: KeysFile
  /** The ThingsBoard users of enabled keys that have their own, by key id. */
  readonly users: ReadonlyMap<string, KeyUser>
}

type KeySettings = Pick<SettingsShape, "apiKey" | "apiKeysFile">

const invalid = (reason: string) => new KeyFileInvalid({ message: `API_KEYS_FILE cannot be used: ${reason}`, reason })

/** More would not fit into a log line. */
const maxProblems = 5

const isId = Schema.is(KeyId)

/** Names the entry by its id, unless somebody has put the key itself there. */
const entryName = ({ id, number }: NonNullable<KeyFileProblem["entry"]>) =>
  isId(id) && !looksGenerated(id) ? `key ${id}` : `key number ${number}`

/** Quotes a name only if it looks like a field name: it may be a key that somebody has put there. */
const fieldName = (name: PropertyKey) => (typeof name === "number" || /^[a-z_0-9]{1,20}$/.test(String(name)) ? String(name) : "…")

const describeProblem = ({ entry, message, path }: KeyFileProblem) => {
  const place = entry === undefined ? "" : `${entryName(entry)}: `
  return `${place}${path.length === 0 ? "" : `${path.map(fieldName).join(".")}: `}${message}`
}

const describeError = (error: KeyFileError): string => {
  switch (error._tag) {
    case "Empty":
      return "it is empty"
    case "NotJson":
      return "it is not JSON"
    case "DuplicateField":
      return `an object has the field ${fieldName(error.field)} twice, and only the last would count`
    case "InvalidFields":
      return [...error.problems.slice(0, maxProblems).map(describeProblem), ...andMore(error.problems.length - maxProblems, "error")].join(
        "; "
      )
  }
}

/** An entry for the key of API_KEY would be ambiguous, and its restriction or revocation must not be ignored. */
const rejectSettingKey = (file: KeysFile, apiKey: KeySettings["apiKey"]): Result.Result<KeysFile, KeyFileInvalid> => {
  const digest = apiKey === undefined ? undefined : digestOf(Redacted.value(apiKey))
  const entry = file.keys.find(({ sha256 }) => sha256 === digest)
  return entry === undefined
    ? Result.succeed(file)
    : Result.fail(invalid(`key ${entry.id} is the key of API_KEY, which has all scopes: remove API_KEY or this entry`))
}

/** Characters. A shorter file is parsed within a turn of the event loop. */
const largeFile = 256 * 1024

const parse = (text: string, apiKey: KeySettings["apiKey"]): Effect.Effect<Result.Result<KeysFile, KeyFileInvalid>> =>
  Effect.map(text.length < largeFile ? Effect.sync(() => parseKeyFile(text)) : runInTurns(() => parseKeyFileInSteps(text)), (parsed) =>
    Result.flatMap(
      Result.mapError(parsed, (error) => invalid(describeError(error))),
      (file) => rejectSettingKey(file, apiKey)
    )
  )

const unreadable = ({ reason }: PlatformError.PlatformError) =>
  invalid(reason._tag === "NotFound" ? "the file does not exist" : "it cannot be read: check its permissions")

const resolveUsers = Effect.fnUntraced(function* ({ keys }: KeysFile) {
  const dotEnv = yield* cachedDotEnv
  const users = new Map<string, KeyUser>()
  for (const { disabled, id, thingsboard } of keys)
    if (thingsboard !== undefined && disabled !== true) users.set(id, yield* resolveKeyUser(thingsboard, dotEnv))
  return users
})

/** Reads the file and its secrets at each run. Compares the text, not the file's date, and parses it again only if it has changed. */
export const makeKeyFileReader = (path: string, apiKey: KeySettings["apiKey"]) => {
  let last: { readonly text: string; readonly parsed: Result.Result<KeysFile, KeyFileInvalid> } | undefined
  return Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(files.readFileString(path), unreadable)
    if (last?.text !== text) last = { text, parsed: yield* parse(text, apiKey) }
    const file = yield* Effect.fromResult(last.parsed)
    return { file, users: yield* resolveUsers(file) } satisfies KeyFileContents
  })
}

const isUsable = ({ users }: KeyFileContents, { disabled, expires_at, id }: KeyEntry, now: number) =>
  disabled !== true && (expires_at === undefined || DateTime.toEpochMillis(expires_at) > now) && users.get(id)?._tag !== "SecretMissing"

/** Checks the contents that a gateway starts with: without a usable key it would serve nothing. */
export const requireUsableKey = Effect.fnUntraced(function* (contents: KeyFileContents, apiKey: KeySettings["apiKey"]) {
  const now = yield* Clock.currentTimeMillis
  if (apiKey === undefined && !contents.file.keys.some((key) => isUsable(contents, key, now)))
    return yield* invalid(
      "it has no usable key (enabled, not expired, with the secret of its ThingsBoard user), and API_KEY is not set either"
    )
  return contents
})

/** Who else can change the file: itself, by replacing it, or by replacing its folder's entry. */
const changeWarnings = Effect.fnUntraced(function* (path: string) {
  const { changes, groupCanReplace } = yield* findAccess(path)
  const all = groupCanReplace ? [...changes, "is in a folder that its group can write"] : changes
  return all.map((change) => ({ variable: "API_KEYS_FILE", issue: `${change}, who could grant themselves any scope` }))
})

const secretFile = (identity: KeyIdentity) => {
  const reference = "api_key" in identity ? identity.api_key : identity.password
  return "file" in reference ? reference.file : undefined
}

const secretWarnings = Effect.fnUntraced(function* ({ keys }: KeysFile) {
  const warnings: Array<SettingIssue> = []
  for (const { id, thingsboard } of keys) {
    const path = thingsboard === undefined ? undefined : secretFile(thingsboard)
    if (path !== undefined && (yield* findAccess(path)).isPublic)
      warnings.push({ variable: "API_KEYS_FILE", issue: `has key ${id}, whose secret in ${path} every user of this machine can read` })
  }
  return warnings
})

/** Keys that are restricted to devices and can read assets, but do not say which: files from before assets were restricted. */
const findImplicitAssets = ({ file }: KeyFileContents): ReadonlyArray<string> =>
  file.keys
    .filter(
      ({ assets, devices, disabled, scopes }) =>
        devices !== undefined &&
        assets === undefined &&
        disabled !== true &&
        (scopes.includes("assets:read") || scopes.includes("graph:read"))
    )
    .map(({ id }) => id)

const implicitAssetsIssue = (ids: ReadonlyArray<string>) =>
  `does not say which assets keys restricted to devices may see, so they see only those related to their devices: add "assets": "related", "all" or "none" to ${[...ids.slice(0, maxProblems), ...andMore(ids.length - maxProblems, "key")].join(", ")}`

/** Checks the file before a gateway starts. */
export const checkKeyFile = Effect.fnUntraced(function* ({
  apiKey,
  apiKeysFile
}: KeySettings): Effect.fn.Return<Diagnostics, never, FileSystem.FileSystem> {
  if (apiKeysFile === undefined) return { errors: [], warnings: [] }
  const found = yield* Effect.result(
    Effect.flatMap(makeKeyFileReader(apiKeysFile, apiKey), (contents) => requireUsableKey(contents, apiKey))
  )
  const implicitAssets = Result.isSuccess(found) ? findImplicitAssets(found.success) : []
  const secrets = Result.isSuccess(found) ? yield* secretWarnings(found.success.file) : []
  return {
    errors: Result.isFailure(found) ? [{ variable: "API_KEYS_FILE", issue: `cannot be used: ${found.failure.reason}` }] : [],
    warnings: [
      ...(yield* changeWarnings(apiKeysFile)),
      ...secrets,
      ...(implicitAssets.length === 0 ? [] : [{ variable: "API_KEYS_FILE", issue: implicitAssetsIssue(implicitAssets) }])
    ]
  }
})
