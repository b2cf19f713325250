import { Effect, FileSystem, Path } from "effect"
import { Settings } from "../config/Settings.ts"
import { hasSpool, inspectSpool } from "../spool/Spool.ts"
import { CheckFailure, Skipped } from "./Check.ts"

const hint = "SPOOL_DIR must be a folder on a local disk that the user of the gateway may write, or that it can create."

/** The folder, or the first one above it that exists. */
const findExisting = Effect.fnUntraced(function* (folder: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  let found = path.resolve(folder)
  while (!(yield* files.exists(found)) && path.dirname(found) !== found) found = path.dirname(found)
  return found
})

/** Checks that the queue of uploads can be written, and says what is in it. A running gateway may be using it. */
export const checkSpool = Effect.gen(function* () {
  const { spoolDir } = yield* Settings
  if (spoolDir === undefined) return yield* new Skipped({ detail: "no SPOOL_DIR" })
  const files = yield* FileSystem.FileSystem
  const unusable = (why: string) => new CheckFailure({ detail: `${spoolDir} cannot be used: ${why}`, hint })
  const existing = yield* Effect.mapError(findExisting(spoolDir), ({ reason }) => unusable(reason._tag))
  yield* Effect.mapError(files.access(existing, { writable: true }), ({ reason }) => unusable(reason._tag))
  const { type } = yield* Effect.mapError(files.stat(existing), ({ reason }) => unusable(reason._tag))
  if (type !== "Directory") return yield* unusable(`${existing} is not a folder`)
  const exists = yield* Effect.mapError(hasSpool(spoolDir), ({ reason }) => unusable(reason._tag))
  if (!exists) return "empty"
  const spool = yield* Effect.catchDefect(inspectSpool(spoolDir), (error) => Effect.fail(unusable(String(error))))
  const { points, rejected } = spool.waiting()
  return `${points} ${points === 1 ? "point waits" : "points wait"}${rejected === 0 ? "" : `, ${rejected} were rejected (boardwalk spool list)`}`
}).pipe(Effect.scoped)
