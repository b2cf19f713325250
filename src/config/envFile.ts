/**
 * The file with settings: `.env` in the working directory, or the one that `--env-file` names. A program that is started in any folder
 * reads `.env` unasked, so other users must not be able to change that one: it could send passwords of the environment to its own server.
 */
import { Context, Effect, FileSystem } from "effect"
import { absolutePath, findAccess, inspectAccess } from "../platform/fileAccess.ts"
import { findDotEnvIssues, findDotEnvLines, parseDotEnv } from "./dotEnv.ts"
import { InvalidSettings } from "./InvalidSettings.ts"
import type { Diagnostics, SettingIssue } from "./resolveSettings.ts"

/** A path that `--env-file` names; "found" for `.env` in the working directory, if it exists; "none" for no file. */
export type EnvFileChoice = { readonly path: string } | "found" | "none"

export const CurrentEnvFile = Context.Reference<EnvFileChoice>("boardwalk/config/CurrentEnvFile", { defaultValue: () => "found" })

export interface EnvFile {
  readonly path: string
  /** Whether somebody named the file, and so trusts it. */
  readonly isNamed: boolean
  readonly values: ReadonlyMap<string, string>
  /** The line that sets each variable. */
  readonly lines: ReadonlyMap<string, number>
}

const invalid = (variable: string, issue: string) => new InvalidSettings({ issues: [{ variable, issue }] })

const read = Effect.fnUntraced(function* (path: string, isNamed: boolean) {
  const files = yield* FileSystem.FileSystem
  // A pipe could be read only once, or never end.
  if ((yield* files.stat(path)).type !== "File") return yield* invalid(isNamed ? "--env-file" : ".env", "is not a regular file")
  const contents = yield* files.readFileString(path)
  const issues = findDotEnvIssues(contents).map(({ issue, line }) => ({ variable: `${absolutePath(path)}:${line}`, issue }))
  if (issues.length > 0) return yield* new InvalidSettings({ issues })
  return { path: absolutePath(path), isNamed, values: parseDotEnv(contents), lines: findDotEnvLines(contents) } satisfies EnvFile
})

const readNamed = Effect.fnUntraced(function* (path: string) {
  const files = yield* FileSystem.FileSystem
  const exists = yield* Effect.orElseSucceed(files.exists(path), () => true)
  if (!exists) return yield* invalid("--env-file", "names a file that does not exist")
  return yield* Effect.catchTag(read(path, true), "PlatformError", () =>
    Effect.fail(invalid("--env-file", "names a file that cannot be read: check its permissions"))
  )
})

const remedy = "so it may send passwords to another server. Change its owner or its mode, name it with --env-file, or use --no-env-file"

const readFound = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  if (!(yield* files.exists(".env"))) return undefined
  const { changes } = yield* inspectAccess(".env")
  if (changes.length > 0) return yield* invalid(absolutePath(".env"), `is not read: it ${changes.join(" and ")}, ${remedy}`)
  return yield* read(".env", false)
}).pipe(Effect.catchTag("PlatformError", () => Effect.fail(invalid(".env", "exists, but cannot be read: check its permissions"))))

/** Reads the file; undefined if there is none. */
export const readEnvFile: Effect.Effect<EnvFile | undefined, InvalidSettings, FileSystem.FileSystem> = Effect.gen(function* () {
  const choice = yield* CurrentEnvFile
  if (choice === "none") return undefined
  return yield* choice === "found" ? readFound : readNamed(choice.path)
})

const noValues: EnvFile["values"] = new Map()

/** The variables of the file; empty without one. */
export const readEnvFileValues = Effect.map(readEnvFile, (file) => file?.values ?? noValues)

/** Names of secrets, also those that only the key file refers to. */
const secretName = /PASSWORD|SECRET|TOKEN|KEY|REDIS_URL$/
/** Variables that name a file, or a number of keys. */
const publicName = /_FILE$|^MAX_/

/** Warnings about the file in use: secrets that everybody can read, and a named file that others can change. */
export const checkEnvFile = Effect.gen(function* () {
  const file = yield* Effect.orElseSucceed(readEnvFile, () => undefined)
  if (file === undefined) return { errors: [], warnings: [] }
  const { changes, isPublic } = yield* findAccess(file.path)
  const hasSecret = [...file.values].some(([name, value]) => secretName.test(name) && !publicName.test(name) && value !== "")
  const warnings: ReadonlyArray<SettingIssue> = [
    ...changes.map((change) => ({ variable: file.path, issue: `${change}, so others can choose the settings` })),
    ...(isPublic && hasSecret ? [{ variable: file.path, issue: "has secrets and can be read by every user of this machine" }] : [])
  ]
  return { errors: [], warnings } satisfies Diagnostics
})
