/** Parses the text of API_KEYS_FILE. An error may quote the file, where somebody may have put a key: whoever prints it decides what may be shown. */
import { Result, Schema, SchemaIssue } from "effect"
import { KeysFile } from "../domain/ApiKey.ts"
import { runAtOnce, type Steps } from "../domain/Steps.ts"
import { duplicateMember } from "../json/duplicateMember.ts"

/** One invalid field. Names and ids are quoted as the file has them. */
export interface KeyFileProblem {
  /** The entry with the problem, counted from one; undefined for a problem outside all entries. */
  readonly entry: { readonly number: number; readonly id: unknown } | undefined
  /** The path of the field, from the entry or else from the top of the file. */
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

export type KeyFileError =
  | { readonly _tag: "Empty" | "NotJson" }
  | { readonly _tag: "DuplicateField"; readonly field: string }
  | { readonly _tag: "InvalidFields"; readonly problems: ReadonlyArray<KeyFileProblem> }

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** Reads the undecoded JSON, since the file as a whole is invalid. */
const entryId = (json: unknown, index: number) =>
  (json as { readonly keys: ReadonlyArray<{ readonly id?: unknown } | null> }).keys[index]?.id

const toProblems = (json: unknown, { issue }: Schema.SchemaError): ReadonlyArray<KeyFileProblem> =>
  formatIssue(issue).issues.map(({ message, path: segments = [] }) => {
    const path = segments.map((segment) => (typeof segment === "object" ? segment.key : segment))
    const [, index, ...rest] = path
    return typeof index === "number"
      ? { entry: { number: index + 1, id: entryId(json, index) }, path: rest, message }
      : { entry: undefined, path, message }
  })

/** In three steps: with ten thousand keys, all of them together take longer than a turn of the event loop may last. */
export function* parseKeyFileInSteps(text: string): Steps<Result.Result<KeysFile, KeyFileError>> {
  const json = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(json)) return Result.fail({ _tag: text.trim() === "" ? "Empty" : "NotJson" })
  yield
  const field = duplicateMember(text)
  if (field !== undefined) return Result.fail({ _tag: "DuplicateField", field })
  yield
  return Schema.decodeUnknownResult(KeysFile)(json.success, { errors: "all", onExcessProperty: "error" }).pipe(
    Result.mapError((error): KeyFileError => ({ _tag: "InvalidFields", problems: toProblems(json.success, error) }))
  )
}

export const parseKeyFile = (text: string): Result.Result<KeysFile, KeyFileError> => runAtOnce(parseKeyFileInSteps(text))
