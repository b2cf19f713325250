/** Why a spool does not take a batch, or cannot be used. */
import { Schema } from "effect"

/** Nothing of the batch is kept. */
export class SpoolFull extends Schema.TaggedError<SpoolFull>()("SpoolFull", {
  /** `bytes`: too much waits. `age`: the oldest points wait for too long. `disk`: the disk or the quota is full. `memory`: that of Redis. */
  limit: Schema.Literals(["bytes", "age", "disk", "memory"])
}) {}

/**
 * The file or the Redis server cannot be used, for another reason than a lack of space. Whether Redis has carried a change out is not known.
 * `code` is SQLite's, such as SQLITE_IOERR_FSYNC, or one of Redis.
 */
export class SpoolFailed extends Schema.TaggedError<SpoolFailed>()("SpoolFailed", { code: Schema.String }) {}

export type SpoolError = SpoolFull | SpoolFailed

/** The error in a few words, without a full stop: `the disk is full`, or a code. */
export const describeSpoolError = (error: SpoolError): string => (error._tag === "SpoolFailed" ? error.code : `the ${error.limit} is full`)
