import { Effect } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"

/** Rejects empty ranges: they are most likely a mistake, which an empty response would hide. */
export const checkRange = ({ end, start }: TimeRange): Effect.Effect<void, InvalidInput> =>
  start < end ? Effect.void : Effect.fail(new InvalidInput({ errors: [{ field: "end_ts", issue: "Expected a time after start_ts" }] }))
