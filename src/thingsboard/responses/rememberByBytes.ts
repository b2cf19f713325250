import { Effect } from "effect"

/**
 * Remembers what was found in some bytes for as long as they are in memory: the read cache returns the same bytes many times, and nobody
 * changes them. What is found must not be larger than the bytes. Failures are not remembered.
 */
export const rememberByBytes = <A, E>(read: (bytes: Uint8Array) => Effect.Effect<A, E>) => {
  const known = new WeakMap<Uint8Array, Effect.Effect<A>>()
  return (bytes: Uint8Array): Effect.Effect<A, E> =>
    known.get(bytes) ??
    Effect.map(read(bytes), (found) => {
      known.set(bytes, Effect.succeed(found))
      return found
    })
}
