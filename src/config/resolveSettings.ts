/** Resolves settings: finds each variable in the sources and decodes it, collecting all issues instead of stopping at the first. */
import { Result, Schema } from "effect"
import type { Codec } from "./codecs.ts"

/** Everything there is to know about one variable. */
export interface SettingDefinition<out A = unknown> {
  readonly section: string
  readonly codec: Codec<A>
  /** As it would be written in `.env`. */
  readonly default?: string
  /** Describes the default in words, for a default that is not a fixed text. */
  readonly defaultDescription?: string
  readonly required?: true
  /** Never printed. */
  readonly secret?: true
  /** A sample value, for `.env.sample`. */
  readonly example?: string
  /** Nearly everybody has to set it: `.env.sample` has it without a value and uncommented. */
  readonly uncommentedInSample?: true
  /** Not read from a settings file, which a program may find in any folder. */
  readonly onlyInEnvironment?: true
  readonly doc: string
}

/**
 * Where values come from; the first source that has a variable wins. An empty text counts as absent, except where `emptyMeansUnset` is
 * set. A blank text is an error instead: treating it as absent would silently remove the restriction that it was meant to set.
 */
export interface SettingSource {
  /** `.env` is a file that was found in the working directory, `--env-file` one that somebody named. */
  readonly name: "command line" | "environment" | ".env" | "--env-file"
  readonly get: (variable: string) => string | undefined
  /** Whether an empty text in this source hides the value of the sources after it. */
  readonly emptyMeansUnset?: true
}

export interface SettingIssue {
  readonly variable: string
  readonly issue: string
}

/** The result of checking a configuration: errors keep the gateway from starting, warnings are logged at start. */
export interface Diagnostics {
  readonly errors: ReadonlyArray<SettingIssue>
  readonly warnings: ReadonlyArray<SettingIssue>
  /** What may be the cause of errors: reported with them, or else as warnings. */
  readonly hints?: ReadonlyArray<SettingIssue>
}

/** A secret in a file of its own: its text, or why there is none. */
export interface SecretFile {
  readonly path: string
  readonly from: SettingSource["name"]
  readonly text: string | undefined
  readonly issue: string | undefined
}

/** One variable with its value. `value` is decoded, and undefined when the variable is absent or invalid. */
export interface ResolvedSetting {
  readonly variable: string
  readonly definition: SettingDefinition
  readonly text: string | undefined
  readonly from: SettingSource["name"] | "default" | "not set"
  /** The file that contains the value, for a secret. */
  readonly file?: string
  readonly value: unknown
  readonly issue: string | undefined
}

export const lookUp = (variable: string, sources: ReadonlyArray<SettingSource>) => {
  for (const source of sources) {
    const raw = source.get(variable)
    const text = raw?.trim()
    if (raw) return { text: text!, from: source.name }
    if (text === "" && source.emptyMeansUnset) return undefined
  }
  return undefined
}

export const bothSet = (variable: string) => `cannot be combined with ${variable}_FILE: leave out one of them`

const resolveSetting = (
  variable: string,
  definition: SettingDefinition,
  sources: ReadonlyArray<SettingSource>,
  file: SecretFile | undefined
): ResolvedSetting => {
  const trusted = definition.onlyInEnvironment ? sources.filter(({ name }) => name === "environment") : sources
  const found = lookUp(variable, trusted)
  // A file that cannot be read counts as given, so that its error is the only one.
  const text = found?.text ?? (file === undefined ? definition.default : (file.text ?? ""))
  const from: ResolvedSetting["from"] = found?.from ?? file?.from ?? (definition.default ? "default" : "not set")
  const place = { variable, definition, text, from, ...(file === undefined ? {} : { file: file.path }) }
  const unresolved = { ...place, value: undefined } as const
  if (file !== undefined && found !== undefined) return { ...unresolved, issue: bothSet(variable) }
  if (file?.issue !== undefined) return { ...unresolved, issue: `cannot be read: ${variable}_FILE ${file.issue}` }
  if (found === undefined && trusted !== sources && lookUp(variable, sources) !== undefined)
    return { ...unresolved, issue: "is read from the environment only" }
  if (text === undefined) return { ...unresolved, issue: definition.required && `is required: ${definition.doc}` }
  if (found?.text === "") return { ...unresolved, issue: "is blank: leave it out, or give it a value" }
  const decoded = Schema.decodeResult(definition.codec.schema)(text)
  return Result.isSuccess(decoded)
    ? { ...place, value: decoded.success, issue: undefined }
    : { ...unresolved, issue: `must be ${definition.codec.expected}` }
}

export const resolveSettings = (
  definitions: Record<string, SettingDefinition>,
  sources: ReadonlyArray<SettingSource>,
  secretFiles: ReadonlyMap<string, SecretFile> = new Map()
): ReadonlyArray<ResolvedSetting> =>
  Object.entries(definitions).map(([variable, definition]) => resolveSetting(variable, definition, sources, secretFiles.get(variable)))

export const issuesOf = (settings: ReadonlyArray<ResolvedSetting>): ReadonlyArray<SettingIssue> =>
  settings.flatMap(({ variable, issue }) => (issue === undefined ? [] : [{ variable, issue }]))

/** `TB_HOST` becomes `tbHost`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Rest>>}`
  : Lowercase<Name>

export const camelCase = (name: string) => name.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

type ValueOf<D> = D extends { codec: Codec<infer A> } ? (D extends { default: string } | { required: true } ? A : A | undefined) : never

export type Values<Definitions> = { readonly [Name in keyof Definitions & string as CamelCase<Name>]: ValueOf<Definitions[Name]> }
