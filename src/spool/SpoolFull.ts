/** Why a spool does not take a batch. In each case nothing of the batch is kept. */
import { Schema } from "effect"

export class SpoolFull extends Schema.TaggedError<SpoolFull>()("SpoolFull", {
  /** `bytes`: too much waits. `age`: the oldest points wait for too long. `disk`: the disk or the quota is full. */
  limit: Schema.Literals(["bytes", "age", "disk"])
}) {}

/** The file cannot be read or written, for another reason than a full disk. `code` is SQLite's, such as SQLITE_IOERR_FSYNC. */
export class SpoolFailed extends Schema.TaggedError<SpoolFailed>()("SpoolFailed", { code: Schema.String }) {}
