/** The result of one check of `boardwalk doctor`. Details and hints must not contain secrets. */
import { Schema } from "effect"

/** The check found a problem; the hint says what to do. */
export class CheckFailure extends Schema.TaggedError<CheckFailure>()("CheckFailure", { detail: Schema.String, hint: Schema.String }) {}

/** The check was not requested, or does not apply. */
export class Skipped extends Schema.TaggedError<Skipped>()("Skipped", { detail: Schema.String }) {}

export interface Outcome {
  readonly check: string
  readonly status: "ok" | "failed" | "skipped"
  readonly detail: string
  readonly hint?: string
}
