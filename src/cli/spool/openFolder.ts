/** Opens the spool that a command names. A gateway may be using it meanwhile. */
import { DateTime, Effect, Runtime, Schema } from "effect"
import { Argument, Flag } from "effect/cli"
import type { SpoolError } from "../../spool/errors.ts"
import { hasSpool, inspectSpool, type Spool } from "../../spool/Spool.ts"
import { printResult } from "../keys/output.ts"
import { notBlank, withVariableFallback } from "../flags.ts"

export class SpoolCommandFailed extends Schema.TaggedError<SpoolCommandFailed>()("SpoolCommandFailed", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

export const dirFlag = Flag.String("dir").pipe(
  Flag.withMetavar("path"),
  Flag.withDescription("The folder of the queue; defaults to SPOOL_DIR"),
  notBlank("the path of a folder"),
  withVariableFallback("dir", "SPOOL_DIR", (path) => path)
)

export const batchArgument = Argument.String("batch").pipe(
  Argument.withDescription("The id of the batch, as `boardwalk spool list` shows it"),
  Argument.optional
)

const describeError = (error: SpoolError) =>
  error._tag === "SpoolFailed" ? `The queue cannot be changed: ${error.code}.` : "The queue cannot be changed: the disk is full."

const unusable = (dir: string, error: unknown) =>
  new SpoolCommandFailed({ message: `The queue in ${dir} cannot be opened: ${error instanceof Error ? error.message : String(error)}.` })

/** Runs `use` with the spool in a folder. */
export const withSpool = <A, R>(dir: string, use: (spool: Spool) => Effect.Effect<A, SpoolCommandFailed | SpoolError, R>) =>
  Effect.gen(function* () {
    const exists = yield* Effect.mapError(hasSpool(dir), (error) => unusable(dir, error))
    if (!exists) return yield* new SpoolCommandFailed({ message: `There is no queue in ${dir}: a gateway with SPOOL_DIR creates it.` })
    const spool = yield* Effect.catchDefect(inspectSpool(dir), (error) => Effect.fail(unusable(dir, error)))
    return yield* use(spool)
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      SpoolFull: (error) => new SpoolCommandFailed({ message: describeError(error) }),
      SpoolFailed: (error) => new SpoolCommandFailed({ message: describeError(error) })
    })
  )

export const print = (text: string) =>
  Effect.mapError(printResult(text), () => new SpoolCommandFailed({ message: "Cannot write to standard output." }))

export const formatMillis = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

export const pointsOf = (count: number) => `${count} ${count === 1 ? "point" : "points"}`
