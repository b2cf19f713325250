/** What the text of a file of keys holds, or what is wrong with it. Who tells of it decides what of it may be shown. */
import { Result, Schema, SchemaIssue } from "effect"
import { KeysFile } from "../domain/ApiKey.ts"
import { duplicateMember } from "../json/duplicateMember.ts"

/** One thing that does not fit. Names and ids are as they stand there, where somebody may have put a key. */
export interface KeyFileProblem {
  /** The entry that it is in, counted from one; undefined when it is in none. */
  readonly entry: { readonly number: number; readonly id: unknown } | undefined
  /** The way to it, from the entry or else from the top of the file. */
  readonly members: ReadonlyArray<PropertyKey>
  readonly message: string
}

export type KeyFileErrors =
  | { readonly _tag: "Empty" | "NotJson" }
  | { readonly _tag: "Doubled"; readonly member: string }
  | { readonly _tag: "Misfits"; readonly misfits: ReadonlyArray<KeyFileProblem> }

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Raw, since this is of a file that is not understood. */
const idAt = (raw: unknown, index: number) => (raw as { readonly keys: ReadonlyArray<{ readonly id?: unknown } | null> }).keys[index]?.id

const misfitsOf = (raw: unknown, { issue }: Schema.SchemaError): ReadonlyArray<KeyFileProblem> =>
  issuesOf(issue).issues.map(({ message, path = [] }) => {
    const members = path.map((part) => (typeof part === "object" ? part.key : part))
    const [, index, ...rest] = members
    return typeof index === "number"
      ? { entry: { number: index + 1, id: idAt(raw, index) }, members: rest, message }
      : { entry: undefined, members, message }
  })

export const parseKeyFile = (text: string): Result.Result<KeysFile, KeyFileErrors> => {
  const raw = Result.try((): unknown => JSON.parse(text))
  if (Result.isFailure(raw)) return Result.fail({ _tag: text.trim() === "" ? "Empty" : "NotJson" })
  const member = duplicateMember(text)
  if (member !== undefined) return Result.fail({ _tag: "Doubled", member })
  return Schema.decodeUnknownResult(KeysFile)(raw.success, { errors: "all", onExcessProperty: "error" }).pipe(
    Result.mapError((error): KeyFileErrors => ({ _tag: "Misfits", misfits: misfitsOf(raw.success, error) }))
  )
}
