import { Schema } from "effect"
import { SpoolFailed, SpoolFull, type SpoolError } from "../errors.ts"

/** Another process has the spool open to add and deliver points. */
export class SpoolInUse extends Schema.TaggedError<SpoolInUse>()("SpoolInUse", { folder: Schema.String }) {}

/** SQLite's name of an error, such as SQLITE_FULL. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown"

export const toSpoolError = (error: unknown): SpoolError => {
  const code = codeOf(error)
  return code === "SQLITE_FULL" ? new SpoolFull({ limit: "disk" }) : new SpoolFailed({ code })
}
