import { Effect } from "effect"
import type { SpoolError } from "../errors.ts"
import { toSpoolError } from "./errors.ts"

/** Runs queries, and says why the file could not be read. */
export const tryOnFile = <A>(run: () => A): Effect.Effect<A, SpoolError> => Effect.try({ try: run, catch: toSpoolError })
