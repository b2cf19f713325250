import { Effect } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import type { TimeRange } from "../../domain/Telemetry.ts"

/** A range that holds nothing is most likely a slip: it is refused rather than answered by nothing. */
export const checkRange = ({ end, start }: TimeRange): Effect.Effect<void, InvalidInput> =>
  start < end ? Effect.void : Effect.fail(new InvalidInput({ errors: [{ field: "end_ts", issue: "Expected a time after start_ts" }] }))
