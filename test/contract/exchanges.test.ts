/** Replays recorded requests to ThingsBoard servers against the emulator, and compares the responses step by step. */
import { expect, test } from "bun:test"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { Emulator, type EmulatorOptions } from "../../src/emulator/Emulator.ts"
import { effect } from "../support/effectTest.ts"
import { type Exchange, exchanges, type Step } from "./support/Exchange.ts"
import type { Difference, Variables } from "./support/match.ts"
import { replay } from "./support/replay.ts"
import { knownDifferences } from "./knownDifferences.ts"

const recordedAt = 1_795_462_000_000

/** Emulator options for scenarios whose recorded server had special settings. */
const settings: Record<string, Partial<EmulatorOptions>> = {
  "token-expiry": { tokenLifetime: "60 seconds" },
  "rate-limit": { rateLimit: "5:3600" }
}

/** Repeats what happened outside of the API before a recorded step. */
const prepareStep = Effect.fnUntraced(function* (step: Step, password: string, variables: Variables) {
  const { store } = yield* Emulator
  if (step.note?.startsWith("65 seconds") === true) yield* TestClock.adjust("65 seconds")
  if (step.note?.startsWith("3.5 seconds") === true) yield* TestClock.adjust("3500 millis")
  if (/password was set outside|activated outside/.test(step.name))
    store.accounts.setPassword(variables.get("userId")!, Redacted.make(password))
})

/** Advances the clock, for responses that the emulator delays. */
const advanceClock = Effect.forever(
  Effect.andThen(
    Effect.promise(() => Bun.sleep(2)),
    TestClock.adjust("1 second")
  )
)

const playStep = Effect.fnUntraced(function* (step: Step, password: string, variables: Variables) {
  const { url } = yield* Emulator
  yield* prepareStep(step, password, variables)
  const replayed = yield* Effect.forkChild(replay(url, step, variables))
  if (!step.request.path.startsWith("/api/rpc/")) return yield* Fiber.join(replayed)
  return yield* Effect.raceFirst(Fiber.join(replayed), advanceClock)
})

const printDifference = (exchange: Exchange, step: Step, { expected, got, path }: Difference) =>
  `${exchange.version} ${exchange.scenario}, step "${step.name}" (${step.request.method} ${step.request.path}), at ${path}:\n` +
  `  expected ${expected}\n  got      ${got}`

const playAll = Effect.fnUntraced(function* (exchange: Exchange) {
  const { createTenant } = yield* Emulator
  const username = "administrator@example.org"
  const { tenantId } = yield* createTenant({ username, password: Redacted.make(exchange.password) })
  const variables: Variables = new Map([
    ["username", username],
    ["tenantId", tenantId],
    ["customerUser", "customer@example.org"]
  ])
  const found: Array<string> = []
  for (const step of exchange.steps) {
    const differences = yield* playStep(step, exchange.password, variables)
    const isKnown = knownDifferences.some(
      (known) => known.version === exchange.version && known.scenario === exchange.scenario && known.step === step.name
    )
    if (!isKnown) found.push(...differences.map((difference) => printDifference(exchange, step, difference)))
  }
  return found
})

for (const exchange of exchanges) {
  const options = { version: exchange.version, ...settings[exchange.scenario] }
  effect(`${exchange.version} ${exchange.scenario}: ${exchange.steps.length} steps return the recorded responses`, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(recordedAt)
      const found = yield* playAll(exchange).pipe(Effect.provide(Layer.fresh(Emulator.layer(options))))
      expect(found.join("\n")).toBe("")
    })
  )
}

test("every known difference refers to an existing step", () => {
  const unknown = knownDifferences.filter(
    ({ scenario, step, version }) =>
      !exchanges.some(
        (one) =>
          one.version === version &&
          one.scenario === scenario &&
          (one.steps.some(({ name }) => name === step) || one.transcript.some((_, index) => step === `entry ${index}`))
      )
  )
  expect(unknown).toEqual([])
})
