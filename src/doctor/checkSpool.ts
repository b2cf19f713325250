import { Effect, FileSystem, Path, Redacted } from "effect"
import { plural } from "../domain/plural.ts"
import { Settings } from "../config/Settings.ts"
import { describeSpoolError } from "../spool/errors.ts"
import type { Waiting } from "../spool/model.ts"
import { inspectSpool as inspectRedis } from "../spool/redis/openSpool.ts"
import { hasSpool, inspectSpool } from "../spool/sqlite/openSpool.ts"
import { CheckFailure, Skipped } from "./Check.ts"
import { connectionHints } from "./connectionHints.ts"

const hint = "SPOOL_DIR must be a folder on a local disk that the user of the gateway may write, or that it can create."

/** The folder, or the first one above it that exists. */
const findExisting = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let found = path.resolve(folder)
  while (!(yield* files.exists(found)) && path.dirname(found) !== found) found = path.dirname(found)
  return found
})

const countOf = ({ points, rejected }: Waiting) =>
  `${plural(points, "point waits", "points wait")}${rejected === 0 ? "" : `, ${rejected} were rejected (boardwalk spool list)`}`

const checkFolder = Effect.fnUntraced(function* (spoolDir: string) {
  const files = yield* FileSystem.FileSystem
  const unusable = (why: string) => new CheckFailure({ detail: `${spoolDir} cannot be used: ${why}`, hint })
  const existing = yield* Effect.mapError(findExisting(spoolDir), ({ reason }) => unusable(reason._tag))
  yield* Effect.mapError(files.access(existing, { writable: true }), ({ reason }) => unusable(reason._tag))
  const { type } = yield* Effect.mapError(files.stat(existing), ({ reason }) => unusable(reason._tag))
  if (type !== "Directory") return yield* unusable(`${existing} is not a folder`)
  const exists = yield* Effect.mapError(hasSpool(spoolDir), ({ reason }) => unusable(reason._tag))
  if (!exists) return "empty"
  const spool = yield* Effect.catchDefect(inspectSpool(spoolDir), (error) => Effect.fail(unusable(String(error))))
  return countOf(yield* Effect.mapError(spool.waiting, (error) => unusable(describeSpoolError(error))))
})

const redisHints: Readonly<Record<string, string>> = {
  ...connectionHints,
  KEYS_ARE_EVICTED: "Redis may remove points when its memory is full: set maxmemory-policy noeviction, or use another server.",
  NOPERM: "The user needs the keys and commands that docs/store-and-forward.md lists."
}

const checkRedis = Effect.fnUntraced(function* (url: string) {
  const unusable = (why: string) =>
    new CheckFailure({
      detail: `SPOOL_REDIS_URL cannot be used: ${why}`,
      hint: redisHints[why] ?? "Check SPOOL_REDIS_URL: scheme, user, password, host, port, database; and that Redis is version 7 or newer."
    })
  const { appendOnly, waiting } = yield* Effect.mapError(inspectRedis(url), unusable)
  const count = countOf(yield* Effect.mapError(waiting, (error) => unusable(describeSpoolError(error))))
  if (appendOnly === false)
    return yield* new CheckFailure({
      detail: `${count}, but Redis does not write them to a file: they are lost when it stops`,
      hint: "Set appendonly yes in Redis, and appendfsync always if no acknowledged point may be lost when its machine fails."
    })
  return `in Redis: ${count}`
})

/** Checks that the queue of uploads can be used, and says what is in it. Running gateways may be using it. */
export const checkSpool = Effect.gen(function* () {
  const { spoolDir, spoolRedisUrl } = yield* Settings
  if (spoolRedisUrl !== undefined) return yield* checkRedis(Redacted.value(spoolRedisUrl))
  if (spoolDir !== undefined) return yield* checkFolder(spoolDir)
  return yield* new Skipped({ detail: "no SPOOL_DIR and no SPOOL_REDIS_URL" })
}).pipe(Effect.scoped)
