import { Effect } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { EntityType } from "../../domain/Ids.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"

/** Reports forbidden entities as missing, so that callers cannot tell them from entities that do not exist. */
export const forbiddenAsNotFound = <A, R>(read: Effect.Effect<A, ThingsBoardError, R>, entityType: EntityType, id: string) =>
  Effect.mapError(read, (error) =>
    error.reason._tag === "NotFound" || error.reason._tag === "Forbidden" ? new EntityNotFound({ entityType, id }) : error
  )
