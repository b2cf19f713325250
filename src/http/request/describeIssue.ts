/** Describes what a schema rejects in the terms of a caller, who knows parameters and fields, but no schemas. */
import { type Schema, SchemaAST, SchemaIssue } from "effect"
import { closestName } from "../../domain/closestName.ts"
import type { FieldError } from "../../domain/Errors.ts"
import { maxFieldLength } from "../../domain/FieldErrors.ts"
import { isoTimeIssue } from "../../domain/isoTime.ts"
import { timestampIssue } from "../../domain/timestamps.ts"

/** Where a field is. */
export type Slot = "path" | "query" | "header" | "body"

type Path = ReadonlyArray<PropertyKey>

const nameOf = (slot: string, path: Path): string =>
  slot + path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part).slice(0, maxFieldLength)}`)).join("")

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

/** Effect's own terms, which are those of a programmer. */
const plainTerms: Readonly<Record<string, string>> = {
  "Expected a string representing a finite number": "Expected a number",
  "Expected string": "Expected a string",
  "Expected number": "Expected a number",
  "Expected boolean": "Expected true or false",
  "Expected array": "Expected a list"
}

const unknownIssue = (slot: Slot, name: string, known: ReadonlyArray<string>): string => {
  const unknown = slot === "query" ? "Unknown parameter" : "Unknown field"
  const closest = closestName(name, known)
  if (closest !== undefined) return `${unknown}; did you mean ${closest}?`
  return known.length === 0 ? `${unknown}; expected none` : `${unknown}; expected ${known.join(", ")}`
}

/** For a query whose endpoint declares no parameters. */
export const describeUnknownParameter = (name: string): FieldError => ({
  field: nameOf("query", [name]),
  issue: unknownIssue("query", name, [])
})

const namesOf = (ast: SchemaAST.AST): ReadonlyArray<string> =>
  SchemaAST.isObjects(ast) ? ast.propertySignatures.map(({ name }) => String(name)) : []

/** The values of an enum; undefined for any other type. */
const choicesOf = (ast: SchemaAST.AST): ReadonlyArray<string> | undefined => {
  if (SchemaAST.isLiteral(ast)) return [String(ast.literal)]
  if (!SchemaAST.isUnion(ast)) return undefined
  const choices = ast.types.map(choicesOf)
  return choices.every((choice) => choice !== undefined) ? choices.flat() : undefined
}

const valueAt = (given: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[part] : undefined),
    given
  )

const typeIssue = (slot: Slot, ast: SchemaAST.AST, value: unknown): string | undefined => {
  if (slot === "query" && Array.isArray(value) && !SchemaAST.isArrays(ast)) return "Expected this parameter only once"
  const choices = choicesOf(ast)
  if (choices !== undefined) return choices.length === 1 ? `Expected ${choices[0]}` : `Expected one of ${choices.join(", ")}`
  if (SchemaAST.isObjects(ast)) return "Expected an object"
  return SchemaAST.isString(ast) ? "Expected a string" : undefined
}

/** Limits of a length read differently for text and for lists. */
const inUnits = (message: string, value: unknown) =>
  message.replace(
    /^Expected a value with a length of (.*)$/,
    (_, limit: string) =>
      `Expected ${limit} ${Array.isArray(value) ? (limit.endsWith(" 1") ? "item" : "items") : limit.endsWith(" 1") ? "character" : "characters"}`
  )

const isTime = (path: Path) => /(^|_)ts$/.test(String(path.at(-1)))

const timeIssue = (value: unknown): string | undefined => {
  if (typeof value === "string" && !/^-?[\d.]+$/.test(value)) return isoTimeIssue(value)
  return typeof value === "string" || typeof value === "number" ? timestampIssue(Number(value)) : undefined
}

const issueOf = (slot: Slot, issue: SchemaIssue.Issue, path: Path, given: unknown): string => {
  if (issue._tag === "MissingKey") return "Required"
  if (issue._tag === "UnexpectedKey") return unknownIssue(slot, String(path.at(-1)), namesOf(issue.ast))
  const value = valueAt(given, path)
  const time = isTime(path) ? timeIssue(value) : undefined
  if (time !== undefined) return time
  const described = issue._tag === "InvalidType" || issue._tag === "AnyOf" ? typeIssue(slot, issue.ast, value) : undefined
  if (described !== undefined) return described
  const { message } = formatIssue(issue).issues[0]!
  return inUnits(plainTerms[message] ?? message, value)
}

/** Errors that are described, per part of a request: an invalid body can have a million, of which a response lists a hundred. */
export const maxDescribed = 100

const notDescribed: FieldError = { field: "request", issue: "not described" }

/** The parts of an issue, each with its place below it; none for an error of its own. */
const partsOf = (issue: SchemaIssue.Issue): ReadonlyArray<SchemaIssue.Issue> => {
  switch (issue._tag) {
    case "Pointer":
    case "Encoding":
      return [issue.issue]
    case "Composite":
      return issue.issues
    case "AnyOf":
      return choicesOf(issue.ast) === undefined ? issue.issues : []
    case "Filter": // It can say where in its value the error is.
      return issue.issue._tag === "Pointer" || issue.issue._tag === "Composite" ? [issue.issue] : []
    default:
      return []
  }
}

const collect = (slot: Slot, issue: SchemaIssue.Issue, path: Path, given: unknown, into: Array<FieldError>): void => {
  const parts = partsOf(issue)
  const place = issue._tag === "Pointer" ? [...path, ...issue.path] : path
  for (const part of parts) collect(slot, part, place, given, into)
  if (parts.length > 0) return
  into.push(into.length < maxDescribed ? { field: nameOf(slot, path), issue: issueOf(slot, issue, path, given) } : notDescribed)
}

/** The errors of one part of a request. `given` is that part as received. */
export const describeSchemaError = (slot: Slot, { issue }: Schema.SchemaError, given: unknown): ReadonlyArray<FieldError> => {
  const errors: Array<FieldError> = []
  collect(slot, issue, [], given, errors)
  return errors
}
