/** What can go wrong in the services' own terms. `http/toProblem.ts` says what a client is told. */
import { Schema } from "effect"

/** There is no such entity, or it may not be seen: the two are never told apart. */
export class EntityNotFound extends Schema.TaggedError<EntityNotFound>()("EntityNotFound", {
  entityType: Schema.String,
  id: Schema.String
}) {}

/** One fault of an input: where it is and what was expected. Never the value itself. */
export const FieldError = Schema.Struct({ field: Schema.String, issue: Schema.String }).annotate({
  identifier: "Fault",
  description: "One fault of the request.",
  examples: [{ field: "query.page_size", issue: "Expected a value between 1 and 1000" }]
})
export type FieldError = typeof FieldError.Type

/** The input is well formed but wrong in ways that only a service can see. All faults are named. */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", { errors: Schema.Array(FieldError) }) {}
