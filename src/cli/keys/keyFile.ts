/** Reads the key file for commands. Error messages name the file, and the entry by its id. */
import { Effect, FileSystem, type PlatformError } from "effect"
import { Flag } from "effect/cli"
import { escapeControls } from "../../observability/escapeControls.ts"
import { andMore } from "../../domain/andMore.ts"
import { type KeyFileError, type KeyFileProblem, parseKeyFile } from "../../apikeys/parseKeyFile.ts"
import { notBlank, withVariableFallback } from "../flags.ts"
import { CommandFailed, systemMessage } from "../result.ts"

export const fileFlag = Flag.String("file").pipe(
  Flag.withMetavar("path"),
  Flag.withDescription("The key file; defaults to API_KEYS_FILE"),
  notBlank("the path of a file"),
  withVariableFallback("file", "API_KEYS_FILE", (path) => path)
)

export const isMissing = ({ reason }: PlatformError.PlatformError) => reason._tag === "NotFound"

export const missing = (path: string) =>
  new CommandFailed({ message: `${path} does not exist. Only \`boardwalk keys create\` creates a key file.` })

const maxProblems = 20

const entryName = ({ id, number }: NonNullable<KeyFileProblem["entry"]>) =>
  typeof id === "string" && id !== "" ? `key ${id}` : `key number ${number}`

const formatProblem = ({ entry, message, path }: KeyFileProblem) => {
  const place = [entry === undefined ? "" : entryName(entry), path.join(".")].filter((part) => part !== "")
  return `  ${escapeControls(place.map((part) => `${part}: `).join(""))}${message}`
}

const formatProblems = (path: string, problems: ReadonlyArray<KeyFileProblem>) => {
  const rest = andMore(problems.length - maxProblems, "error").map((line) => `  ${line}`)
  return [`${path} is not a valid key file:`, ...problems.slice(0, maxProblems).map(formatProblem), ...rest].join("\n")
}

const describeError = (path: string, error: KeyFileError) => {
  switch (error._tag) {
    case "Empty":
      return `${path} is empty.`
    case "NotJson":
      return `${path} is not valid JSON: it was truncated, or damaged by a manual change.`
    case "DuplicateField":
      return `${path}: an object has the field ${escapeControls(error.field)} twice, and only the last would count.`
    case "InvalidFields":
      return formatProblems(path, error.problems)
  }
}

export const parseKeys = (path: string, text: string) =>
  Effect.fromResult(parseKeyFile(text)).pipe(
    Effect.mapBoth({
      onSuccess: ({ keys }) => keys,
      onFailure: (error) => new CommandFailed({ message: describeError(path, error) })
    })
  )

/** Reads the keys; the file must exist. */
export const readKeys = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(files.readFileString(path), (error) =>
    isMissing(error) ? missing(path) : new CommandFailed({ message: `${path} cannot be read: ${systemMessage(error)}.` })
  )
  return yield* parseKeys(path, text)
})
