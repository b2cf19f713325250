import { Effect } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"
import { FieldErrors } from "../../domain/FieldErrors.ts"
import type { Steps } from "../../domain/Steps.ts"
import { JsonReader, readJson } from "../../json/JsonReader.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"

/**
 * Reads a JSON body, a large one in several turns of the event loop. `read` adds errors, and returns what it read and the end of the value
 * at `at`. A large body is read up to the first hundred errors, a small one to its end.
 */
export const readBody = <A>(
  { isTurnOver, run }: EventLoop["Service"],
  body: string | Uint8Array,
  read: (reader: JsonReader, errors: FieldErrors, at: number) => Steps<readonly [found: A, end: number]>
): Effect.Effect<A, InvalidInput> => {
  const reader = new JsonReader(body, isTurnOver)
  const errors = new FieldErrors(undefined, { stopsReading: reader.isLarge })
  return Effect.flatMap(
    run(() => readJson(reader, errors, (at) => read(reader, errors, at))),
    (found) => (found instanceof InvalidInput ? Effect.fail(found) : Effect.succeed(found))
  )
}
