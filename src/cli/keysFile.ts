/** The file of keys as commands read it: what is wrong with it is told with its name, and of an entry with the id. */
import { Effect, FileSystem, type PlatformError, Result, Runtime, Schema, SchemaIssue } from "effect"
import { Flag } from "effect/cli"
import { KeysFile } from "../domain/ApiKey.ts"
import { printable } from "../observability/printable.ts"
import { doubledMember } from "../services/doubledMember.ts"
import { notBlank, orVariable } from "./flags.ts"

export class KeysProblem extends Schema.TaggedError<KeysProblem>()("KeysProblem", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

export const file = Flag.String("file").pipe(
  Flag.withMetavar("path"),
  Flag.withDescription("The file of keys; API_KEYS_FILE when it is not given"),
  notBlank("the path of a file"),
  orVariable("file", "API_KEYS_FILE", (path) => path)
)

/** What the system says, such as "EACCES: permission denied, open '/etc/keys.json'". */
export const systemsWords = ({ reason }: PlatformError.PlatformError) =>
  reason.cause instanceof Error ? reason.cause.message : reason.message

export const isMissing = ({ reason }: PlatformError.PlatformError) => reason._tag === "NotFound"

export const missing = (path: string) =>
  new KeysProblem({ message: `${path} does not exist. Only \`boardwalk keys create\` makes a new file of keys.` })

const faultsOfText = SchemaIssue.makeFormatterStandardSchemaV1()
/** More than anyone reads at once. */
const mostFaults = 20

/** Keys by the names that people know them by; raw, since this is of a file that is not understood. */
const entryAt = (raw: unknown, index: number) => {
  const { keys } = raw as { readonly keys: ReadonlyArray<{ readonly id?: unknown } | null> }
  const id = keys[index]?.id
  return typeof id === "string" && id !== "" ? `key ${id}` : `key number ${index + 1}`
}

const placeOf = (raw: unknown, path: ReadonlyArray<PropertyKey>) => {
  const [, index, ...rest] = path
  const within = typeof index === "number" ? [entryAt(raw, index), rest.join(".")] : [path.join(".")]
  return within
    .filter((part) => part !== "")
    .map((part) => `${part}: `)
    .join("")
}

const broken = (path: string, raw: unknown, { issue }: Schema.SchemaError) => {
  const faults = faultsOfText(issue).issues.map(({ message, path = [] }) => {
    const place = path.map((part) => (typeof part === "object" ? part.key : part))
    return `  ${printable(placeOf(raw, place))}${message}`
  })
  const shown = faults.slice(0, mostFaults)
  const more = faults.length > shown.length ? [`  and ${faults.length - shown.length} more`] : []
  return new KeysProblem({ message: [`${path} is no file of keys:`, ...shown, ...more].join("\n") })
}

const notJson = (path: string, text: string) =>
  new KeysProblem({
    message: text.trim() === "" ? `${path} is empty.` : `${path} is not JSON: it was cut off, or a change by hand spoilt it.`
  })

const parse = (text: string): Result.Result<unknown, unknown> => Result.try(() => JSON.parse(text))

export const keysOf = Effect.fnUntraced(function* (path: string, text: string) {
  const raw = parse(text)
  if (Result.isFailure(raw)) return yield* notJson(path, text)
  const doubled = doubledMember(text)
  if (doubled !== undefined)
    return yield* new KeysProblem({
      message: `${path}: one object has the member ${printable(doubled)} twice, and only the last would count.`
    })
  const decoded = Schema.decodeUnknownResult(KeysFile)(raw.success, { errors: "all", onExcessProperty: "error" })
  if (Result.isFailure(decoded)) return yield* broken(path, raw.success, decoded.failure)
  return decoded.success.keys
})

/** The keys of a file that must be there. */
export const readKeys = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(files.readFileString(path), (error) =>
    isMissing(error) ? missing(path) : new KeysProblem({ message: `${path} cannot be read: ${systemsWords(error)}.` })
  )
  return yield* keysOf(path, text)
})

/** For what is written to standard output. */
export const orProblem = <A, R>(printing: Effect.Effect<A, PlatformError.PlatformError, R>) =>
  Effect.mapError(printing, (error) => new KeysProblem({ message: `Standard output cannot be written: ${systemsWords(error)}.` }))
