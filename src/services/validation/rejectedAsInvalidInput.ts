import { type EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"

/** ThingsBoard checks keys and values slightly more strictly than Boardwalk: if it rejects a well-formed write, the input was invalid. */
export const rejectedAsInvalidInput = <E extends EntityNotFound | ThingsBoardError>(error: E) =>
  error._tag === "ThingsBoardError" && error.reason._tag === "Rejected"
    ? new InvalidInput({ errors: [{ field: "body", issue: "ThingsBoard rejects one of these keys or values" }] })
    : error
