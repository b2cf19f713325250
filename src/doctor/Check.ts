/** One thing that can be right or wrong, and what to do when it is wrong. No secret may stand in a detail or a hint. */
import { Schema } from "effect"

/** A check found something wrong. */
export class CheckFailure extends Schema.TaggedError<CheckFailure>()("Ailment", { detail: Schema.String, hint: Schema.String }) {}

/** A check that was not asked for, or has nothing to look at. */
export class Skipped extends Schema.TaggedError<Skipped>()("Skipped", { detail: Schema.String }) {}

export interface Outcome {
  readonly check: string
  readonly status: "ok" | "failed" | "skipped"
  readonly detail: string
  readonly hint?: string
}
