import { Effect } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { EntityType } from "../../domain/Ids.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"

/** What may not be seen is not there: callers cannot tell a foreign entity from one that does not exist. */
export const forbiddenAsNotFound = <A, R>(read: Effect.Effect<A, ThingsBoardError, R>, entityType: EntityType, id: string) =>
  Effect.mapError(read, (error) =>
    error.reason._tag === "NotFound" || error.reason._tag === "Forbidden" ? new EntityNotFound({ entityType, id }) : error
  )
