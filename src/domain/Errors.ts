/** Errors that services return. `http/response/toProblem.ts` translates them into problems. */
import { Schema } from "effect"

/** The entity does not exist, or the caller may not see it. Callers cannot distinguish the two cases. */
export class EntityNotFound extends Schema.TaggedError<EntityNotFound>()("EntityNotFound", {
  /** ThingsBoard's name of the type, such as "DEVICE". */
  entityType: Schema.String,
  id: Schema.String
}) {}

/** A name stands for no device that the caller may see, or it is not known for which. */
export class DeviceNameNotResolved extends Schema.TaggedError<DeviceNameNotResolved>()("DeviceNameNotResolved", {
  name: Schema.String,
  issue: Schema.Literals(["unknown", "ambiguous", "too many devices"])
}) {}

/**
 * One invalid field of a request: where it is (`query.page_size`, `path.device_id`, `body.temperature[0].ts`, `header.host`) and what was
 * expected. It never contains the value.
 */
export const FieldError = Schema.Struct({ field: Schema.String, issue: Schema.String }).annotate({
  identifier: "FieldError",
  description: "An invalid field of the request.",
  examples: [{ field: "query.page_size", issue: "Expected a value between 1 and 1000" }]
})
export type FieldError = typeof FieldError.Type

/**
 * The request fits its schema but is invalid in a way that only a service can detect. Lists every error, not only the first. A field is
 * in the body (`body.a[0].ts`), or the name of a parameter (`end_ts`, or `query.end_ts` if the request has a body, too).
 */
export class InvalidInput extends Schema.TaggedError<InvalidInput>()("InvalidInput", {
  errors: Schema.Array(FieldError),
  /** One sentence about all errors, where there is a better one than that the request is not valid. */
  summary: Schema.optionalKey(Schema.String)
}) {}
