/** Why a spool does not take a batch. In each case nothing of the batch is kept. */
import { Schema } from "effect"

export class SpoolFull extends Schema.TaggedError<SpoolFull>()("SpoolFull", {
  /** `bytes`: too much waits. `age`: the oldest points wait for too long. `disk`: the disk or the quota is full. */
  limit: Schema.Literals(["bytes", "age", "disk"])
}) {}

/** The file cannot be read or written, for another reason than a full disk. `code` is SQLite's, such as SQLITE_IOERR_FSYNC. */
export class SpoolFailed extends Schema.TaggedError<SpoolFailed>()("SpoolFailed", { code: Schema.String }) {}

/** Another process has the spool open to add and deliver points. */
export class SpoolInUse extends Schema.TaggedError<SpoolInUse>()("SpoolInUse", { folder: Schema.String }) {}

export type SpoolError = SpoolFull | SpoolFailed

/** SQLite's name of an error, such as SQLITE_FULL. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown"

export const toSpoolError = (error: unknown): SpoolError => {
  const code = codeOf(error)
  return code === "SQLITE_FULL" ? new SpoolFull({ limit: "disk" }) : new SpoolFailed({ code })
}
