/**
 * API_KEYS_FILE as it stands, with the secrets that it names. Its form is taken whole or not at all; a secret that is missing concerns
 * the keys that need it and no others.
 */
import { Clock, DateTime, Effect, FileSystem, type PlatformError, Redacted, Result, Runtime, Schema } from "effect"
import type { Diagnostics } from "../config/resolveSettings.ts"
import type { SettingsShape } from "../config/Settings.ts"
import { andMore } from "../domain/andMore.ts"
import { type KeyEntry, KeyId, type KeysFile } from "../domain/ApiKey.ts"
import { digestOf, looksGenerated } from "./KeyFormat.ts"
import { cachedDotEnv, type KeyUser, resolveKeyUser } from "./KeySecrets.ts"
import { type KeyFileError, type KeyFileProblem, parseKeyFile } from "./parseKeyFile.ts"

export class KeyFileInvalid extends Schema.TaggedError<KeyFileInvalid>()("KeysFileBroken", {
  message: Schema.String,
  /** The same without the name of the setting. */
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
}

export interface KeyFileContents {
  /** The same object as long as the text is the same. */
  readonly file: KeysFile
  /** Whom keys act as that are not disabled and have a user of their own, by their ids. */
  readonly users: ReadonlyMap<string, KeyUser>
}

type Named = Pick<SettingsShape, "apiKey" | "apiKeysFile">

const broken = (reason: string) => new KeyFileInvalid({ message: `API_KEYS_FILE cannot be used: ${reason}`, reason })

/** A log line is no place for more. */
const maxProblems = 5

const isId = Schema.is(KeyId)

/** Keys by the ids that people know them by, unless the key itself was put there. */
const entryName = ({ id, number }: NonNullable<KeyFileProblem["entry"]>) =>
  isId(id) && !looksGenerated(id) ? `key ${id}` : `key number ${number}`

/** Of members that nobody expects only such names as members have: it may be a key that was put there. */
const memberName = (part: PropertyKey) => (typeof part === "number" || /^[a-z_0-9]{1,20}$/.test(String(part)) ? String(part) : "…")

const told = ({ entry, path: members, message }: KeyFileProblem) => {
  const place = entry === undefined ? "" : `${entryName(entry)}: `
  return `${place}${members.length === 0 ? "" : `${members.map(memberName).join(".")}: `}${message}`
}

const reasonOf = (fault: KeyFileError): string => {
  switch (fault._tag) {
    case "Empty":
      return "it is empty"
    case "NotJson":
      return "it is not JSON"
    case "DuplicateField":
      return `one object has the member ${memberName(fault.field)} twice, and only the last would count`
    case "InvalidFields":
      return [...fault.problems.slice(0, maxProblems).map(told), ...andMore(fault.problems.length - maxProblems, "error")].join("; ")
  }
}

/** Which of two entries holds would be anybody's guess, and a restriction or a revocation must not be ignored. */
const withoutSetting = (file: KeysFile, apiKey: Named["apiKey"]): Result.Result<KeysFile, KeyFileInvalid> => {
  const digest = apiKey === undefined ? undefined : digestOf(Redacted.value(apiKey))
  const same = file.keys.find(({ sha256 }) => sha256 === digest)
  return same === undefined
    ? Result.succeed(file)
    : Result.fail(broken(`key ${same.id} is the key of API_KEY, which has all rights: leave out API_KEY or this entry`))
}

const parse = (text: string, apiKey: Named["apiKey"]): Result.Result<KeysFile, KeyFileInvalid> =>
  Result.flatMap(
    Result.mapError(parseKeyFile(text), (fault) => broken(reasonOf(fault))),
    (file) => withoutSetting(file, apiKey)
  )

const unreadable = ({ reason }: PlatformError.PlatformError) =>
  broken(reason._tag === "NotFound" ? "there is no such file" : "it cannot be read: may this user read it?")

const usersOf = Effect.fnUntraced(function* ({ keys }: KeysFile) {
  const dotEnv = yield* cachedDotEnv
  const users = new Map<string, KeyUser>()
  for (const { disabled, id, thingsboard } of keys)
    if (thingsboard !== undefined && disabled !== true) users.set(id, yield* resolveKeyUser(thingsboard, dotEnv))
  return users
})

/** Reads the file and its secrets each time it is run. A text is parsed once: the same bytes are known by themselves, whatever their date. */
export const makeKeyFileReader = (path: string, apiKey: Named["apiKey"]) => {
  let last: { readonly text: string; readonly parsed: Result.Result<KeysFile, KeyFileInvalid> } | undefined
  return Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(files.readFileString(path), unreadable)
    if (last?.text !== text) last = { text, parsed: parse(text, apiKey) }
    const file = yield* Effect.fromResult(last.parsed)
    return { file, users: yield* usersOf(file) } satisfies KeyFileContents
  })
}

const isUsable = ({ users }: KeyFileContents, { disabled, expires_at, id }: KeyEntry, now: number) =>
  disabled !== true && (expires_at === undefined || DateTime.toEpochMillis(expires_at) > now) && users.get(id)?._tag !== "SecretMissing"

/** The first reading, which a gateway starts with: without any key that can be used nothing would be served. */
export const requireUsableKey = Effect.fnUntraced(function* (read: KeyFileContents, apiKey: Named["apiKey"]) {
  const now = yield* Clock.currentTimeMillis
  if (apiKey === undefined && !read.file.keys.some((key) => isUsable(read, key, now)))
    return yield* broken(
      "it has no key that can be used (not disabled, not expired, with the secret of its ThingsBoard user), and API_KEY is not given either"
    )
  return read
})

const othersMayWrite = Effect.fnUntraced(function* (path: string) {
  if (process.platform === "win32") return false // which has no such modes
  const files = yield* FileSystem.FileSystem
  return yield* Effect.match(files.stat(path), { onSuccess: ({ mode }) => (mode & 0o022) !== 0, onFailure: () => false })
})

/** What there is to say of the file before a gateway starts. */
export const checkKeyFile = Effect.fnUntraced(function* ({
  apiKey,
  apiKeysFile
}: Named): Effect.fn.Return<Diagnostics, never, FileSystem.FileSystem> {
  if (apiKeysFile === undefined) return { errors: [], warnings: [] }
  const found = yield* Effect.result(Effect.flatMap(makeKeyFileReader(apiKeysFile, apiKey), (read) => requireUsableKey(read, apiKey)))
  const issue = "can be written by others than its owner, who could give themselves any right"
  return {
    errors: Result.isFailure(found) ? [{ variable: "API_KEYS_FILE", issue: `cannot be used: ${found.failure.reason}` }] : [],
    warnings: (yield* othersMayWrite(apiKeysFile)) ? [{ variable: "API_KEYS_FILE", issue }] : []
  }
})
