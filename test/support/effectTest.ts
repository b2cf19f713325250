/** Runs Effects as tests of bun:test: `effect` with a test clock and a test console, `live` with the real ones. */
import { test } from "bun:test"
import { Cause, Effect, Exit, Layer, type Scope } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import { checkForLeaks } from "./leaks/watch.ts"

const environment = Layer.mergeAll(TestConsole.layer, TestClock.layer())

const run = async <E>(body: Effect.Effect<unknown, E>) => {
  const exit = await Effect.runPromiseExit(body)
  if (Exit.isFailure(exit)) throw Cause.prettyErrors(exit.cause)[0] ?? Cause.squash(exit.cause)
}

const checkConsoleForLeaks = Effect.gen(function* () {
  for (const line of [...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)]) checkForLeaks("console", String(line))
})

export const effect = <E>(name: string, body: () => Effect.Effect<unknown, E, Scope.Scope>, timeout?: number) =>
  test(
    name,
    () => run(Effect.scoped(Effect.suspend(body)).pipe(Effect.ensuring(checkConsoleForLeaks), Effect.provide(environment))),
    timeout
  )

export const live = <E>(name: string, body: () => Effect.Effect<unknown, E, Scope.Scope>, timeout?: number) =>
  test(name, () => run(Effect.scoped(Effect.suspend(body))), timeout)

/** Waits until a condition holds. */
export const until = (condition: () => boolean) =>
  Effect.promise(async () => {
    while (!condition()) await new Promise<void>((resolve) => setImmediate(resolve))
  })
