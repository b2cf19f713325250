/** Secrets in files of their own: `TB_PASSWORD_FILE` names a file that contains what `TB_PASSWORD` would, and so on for every secret. */
import { Effect, FileSystem } from "effect"
import { findAccess } from "../platform/fileAccess.ts"
import type { SecretFile, SettingIssue } from "./resolveSettings.ts"

export const fileVariable = (variable: string) => `${variable}_FILE`

const maxBytes = 65_536

/** A path that cannot be mistaken for the secret itself, which somebody may have given instead. */
const isPath = (text: string) => /^\.{0,2}\//.test(text) && !text.includes("\n")

const name = (path: string) => (isPath(path) ? `the file ${path}` : "a file")

type Content = Pick<SecretFile, "text" | "issue">

const failed = (path: string, issue: string): Content => ({ text: undefined, issue: `names ${name(path)}, which ${issue}` })

/** The content without its final line break, which editors and `echo` add; or why there is none. */
export const readSecretFile = (path: string): Effect.Effect<Content, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const { size, type } = yield* files.stat(path)
    if (type !== "File") return failed(path, "is not a regular file")
    if (size > maxBytes) return failed(path, "is larger than 64 KiB")
    const text = (yield* files.readFileString(path)).replace(/\r?\n$/, "")
    return text.trim() === "" ? failed(path, "is empty") : { text, issue: undefined }
  }).pipe(
    Effect.catchTag("PlatformError", ({ reason }) =>
      Effect.succeed(failed(path, reason._tag === "NotFound" ? "does not exist" : "cannot be read: check its permissions"))
    )
  )

/** A warning if every user of the machine can read the secret. */
export const secretFileWarnings = (
  variable: string,
  path: string
): Effect.Effect<ReadonlyArray<SettingIssue>, never, FileSystem.FileSystem> =>
  Effect.map(findAccess(path), ({ isPublic }) =>
    isPublic ? [{ variable, issue: `names ${name(path)}, which every user of this machine can read` }] : []
  )
