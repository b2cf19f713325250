/** Opens the spool that a command names. Gateways may be using it meanwhile. */
import { DateTime, Effect, Option, Redacted } from "effect"
import { Argument, CliError, Flag } from "effect/cli"
import { plural } from "../../domain/plural.ts"
import { describeSpoolError, type SpoolError } from "../../spool/errors.ts"
import { inspectSpool as inspectRedis } from "../../spool/redis/openSpool.ts"
import type { Inspection } from "../../spool/Spool.ts"
import { hasSpool, inspectSpool as inspectFolder } from "../../spool/sqlite/openSpool.ts"
import { notBlank, readSecretFlag, readVariableFlag } from "../flags.ts"
import { CommandFailed } from "../result.ts"

/** Where a queue is. */
type Place = { readonly folder: string } | { readonly redis: Redacted.Redacted<string> }

const inFolder = (folder: string): Place => ({ folder })

/** The queue that the settings name. */
const configuredPlace = Effect.gen(function* () {
  const folder = yield* readVariableFlag("SPOOL_DIR")
  if (Option.isSome(folder)) return inFolder(folder.value)
  const redis = yield* readSecretFlag("SPOOL_REDIS_URL")
  if (Option.isSome(redis)) return { redis: Redacted.make(redis.value) }
  return yield* new CliError.ValidationError({
    message: "Missing: --dir, or SPOOL_DIR or SPOOL_REDIS_URL in the environment or in .env"
  })
})

export const placeFlag = Flag.String("dir").pipe(
  Flag.withMetavar("path"),
  Flag.withDescription("The folder of the queue; defaults to SPOOL_DIR, or to the queue in SPOOL_REDIS_URL"),
  notBlank("the path of a folder"),
  Flag.map(inFolder),
  Flag.withDefault(configuredPlace)
)

export const batchArgument = Argument.String("batch").pipe(
  Argument.withDescription("The id of the batch, as `boardwalk spool list` shows it"),
  Argument.optional
)

const toCommandFailure = (error: SpoolError) => new CommandFailed({ message: `The queue cannot be changed: ${describeSpoolError(error)}.` })

const openFolder = Effect.fnUntraced(function* (folder: string) {
  const unusable = (error: unknown) =>
    new CommandFailed({
      message: `The queue in ${folder} cannot be opened: ${error instanceof Error ? error.message : String(error)}.`
    })
  const exists = yield* Effect.mapError(hasSpool(folder), unusable)
  if (!exists) return yield* new CommandFailed({ message: `There is no queue in ${folder}: a gateway with SPOOL_DIR creates it.` })
  return yield* Effect.catchDefect(inspectFolder(folder), (error) => Effect.fail(unusable(error)))
})

const openRedis = (url: Redacted.Redacted<string>) =>
  Effect.mapError(
    inspectRedis(Redacted.value(url)),
    (reason) => new CommandFailed({ message: `The queue in SPOOL_REDIS_URL cannot be opened: ${reason}.` })
  )

/** Runs `use` with the spool. */
export const withSpool = <A, R>(place: Place, use: (spool: Inspection) => Effect.Effect<A, CommandFailed | SpoolError, R>) =>
  Effect.flatMap("folder" in place ? openFolder(place.folder) : openRedis(place.redis), use).pipe(
    Effect.scoped,
    Effect.catchTags({ SpoolFull: toCommandFailure, SpoolFailed: toCommandFailure })
  )

export const formatMillis = (millis: number) => DateTime.formatIso(DateTime.makeUnsafe(millis))

export const pointsOf = (count: number) => plural(count, "point", "points")
