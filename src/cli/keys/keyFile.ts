/** The file of keys as commands read it: what is wrong with it is told with its name, and of an entry with the id. */
import { Effect, FileSystem, type PlatformError, Runtime, Schema } from "effect"
import { Flag } from "effect/cli"
import { escapeControls } from "../../observability/escapeControls.ts"
import { andMore } from "../../domain/andMore.ts"
import { type KeyFileError, type KeyFileProblem, parseKeyFile } from "../../apikeys/parseKeyFile.ts"
import { notBlank, withVariableFallback } from "../flags.ts"

export class KeyCommandFailed extends Schema.TaggedError<KeyCommandFailed>()("KeysProblem", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

export const fileFlag = Flag.String("file").pipe(
  Flag.withMetavar("path"),
  Flag.withDescription("The file of keys; API_KEYS_FILE when it is not given"),
  notBlank("the path of a file"),
  withVariableFallback("file", "API_KEYS_FILE", (path) => path)
)

/** What the system says, such as "EACCES: permission denied, open '/etc/keys.json'". */
export const systemMessage = ({ reason }: PlatformError.PlatformError) =>
  reason.cause instanceof Error ? reason.cause.message : reason.message

export const isMissing = ({ reason }: PlatformError.PlatformError) => reason._tag === "NotFound"

export const missing = (path: string) =>
  new KeyCommandFailed({ message: `${path} does not exist. Only \`boardwalk keys create\` makes a new file of keys.` })

/** More than anyone reads at once. */
const maxProblems = 20

/** Keys by the names that people know them by. */
const entryName = ({ id, number }: NonNullable<KeyFileProblem["entry"]>) =>
  typeof id === "string" && id !== "" ? `key ${id}` : `key number ${number}`

const lineOf = ({ entry, path: members, message }: KeyFileProblem) => {
  const place = [entry === undefined ? "" : entryName(entry), members.join(".")].filter((part) => part !== "")
  return `  ${escapeControls(place.map((part) => `${part}: `).join(""))}${message}`
}

const misfitting = (path: string, misfits: ReadonlyArray<KeyFileProblem>) => {
  const rest = andMore(misfits.length - maxProblems, "error").map((line) => `  ${line}`)
  return [`${path} is no file of keys:`, ...misfits.slice(0, maxProblems).map(lineOf), ...rest].join("\n")
}

const sentenceOf = (path: string, fault: KeyFileError) => {
  switch (fault._tag) {
    case "Empty":
      return `${path} is empty.`
    case "NotJson":
      return `${path} is not JSON: it was cut off, or a change by hand spoilt it.`
    case "DuplicateField":
      return `${path}: one object has the member ${escapeControls(fault.field)} twice, and only the last would count.`
    case "InvalidFields":
      return misfitting(path, fault.problems)
  }
}

export const parseKeys = (path: string, text: string) =>
  Effect.fromResult(parseKeyFile(text)).pipe(
    Effect.mapBoth({
      onSuccess: ({ keys }) => keys,
      onFailure: (fault) => new KeyCommandFailed({ message: sentenceOf(path, fault) })
    })
  )

/** The keys of a file that must be there. */
export const readKeys = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(files.readFileString(path), (error) =>
    isMissing(error) ? missing(path) : new KeyCommandFailed({ message: `${path} cannot be read: ${systemMessage(error)}.` })
  )
  return yield* parseKeys(path, text)
})

/** For what is written to standard output. */
export const orOutputError = <A, R>(printing: Effect.Effect<A, PlatformError.PlatformError, R>) =>
  Effect.mapError(printing, (error) => new KeyCommandFailed({ message: `Standard output cannot be written: ${systemMessage(error)}.` }))
