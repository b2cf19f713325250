/** From texts to values: looks each variable up in the sources, decodes it, and keeps what went wrong instead of stopping at it. */
import { Result, Schema } from "effect"
import type { Codec } from "./codecs.ts"

/** One variable: everything there is to know about it. */
export interface SettingDefinition<out A = unknown> {
  readonly section: string
  readonly codec: Codec<A>
  /** As it would be written in `.env`. */
  readonly default?: string
  /** Says what stands in when the variable is absent and the default is no fixed text. */
  readonly defaultDescription?: string
  readonly required?: true
  /** Never printed. */
  readonly secret?: true
  /** A value that shows the form, for `.env.sample`. */
  readonly example?: string
  /** To be filled in by nearly everybody: stands without a value and uncommented in `.env.sample`. */
  readonly uncommentedInSample?: true
  readonly doc: string
}

/**
 * Where values come from; the first source that has a variable wins. An empty text counts as absent, except that `overrides` hides. One
 * of blanks does not: to take it for absent would open silently what it was meant to restrict.
 */
export interface SettingSource {
  readonly name: "command line" | "environment" | ".env"
  readonly get: (variable: string) => string | undefined
  /** Whether an empty text in this source hides the sources below it. */
  readonly emptyMeansUnset?: true
}

export interface SettingIssue {
  readonly variable: string
  readonly issue: string
}

/** What there is to say of a configuration: what keeps a gateway from starting, and what is worth a line at start. */
export interface Diagnostics {
  readonly errors: ReadonlyArray<SettingIssue>
  readonly warnings: ReadonlyArray<SettingIssue>
}

/** What was found for one variable. `value` is the decoded form, undefined when absent or faulty. */
export interface ResolvedSetting {
  readonly variable: string
  readonly definition: SettingDefinition
  readonly text: string | undefined
  readonly from: SettingSource["name"] | "default" | "not set"
  readonly value: unknown
  readonly issue: string | undefined
}

const lookUp = (variable: string, sources: ReadonlyArray<SettingSource>) => {
  for (const source of sources) {
    const given = source.get(variable)
    const text = given?.trim()
    if (given) return { text: text!, from: source.name }
    if (text === "" && source.emptyMeansUnset) return undefined
  }
  return undefined
}

const readOne = (variable: string, row: SettingDefinition, sources: ReadonlyArray<SettingSource>): ResolvedSetting => {
  const found = lookUp(variable, sources)
  const text = found?.text ?? row.default
  const from = found?.from ?? (row.default ? "default" : "not set")
  if (text === undefined) {
    return { variable, definition: row, text, from, value: undefined, issue: row.required && "is required: " + row.doc }
  }
  if (found?.text === "")
    return { variable, definition: row, text, from, value: undefined, issue: "holds nothing but blanks: leave it out, or give it a value" }
  const decoded = Schema.decodeResult(row.codec.schema)(text)
  return Result.isSuccess(decoded)
    ? { variable, definition: row, text, from, value: decoded.success, issue: undefined }
    : { variable, definition: row, text, from, value: undefined, issue: `must be ${row.codec.expected}` }
}

export const resolveSettings = (
  rows: Record<string, SettingDefinition>,
  sources: ReadonlyArray<SettingSource>
): ReadonlyArray<ResolvedSetting> => Object.entries(rows).map(([variable, row]) => readOne(variable, row, sources))

export const issuesOf = (readings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> =>
  readings.flatMap(({ variable, issue }) => (issue === undefined ? [] : [{ variable, issue }]))

/** `TB_HOST` becomes `tbHost`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Rest>>}`
  : Lowercase<Name>

export const camelCase = (name: string) => name.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

type ValueOf<R> = R extends { codec: Codec<infer A> } ? (R extends { default: string } | { required: true } ? A : A | undefined) : never

export type Values<Rows> = { readonly [Name in keyof Rows & string as CamelCase<Name>]: ValueOf<Rows[Name]> }
