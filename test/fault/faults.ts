/** The faults of the table, one row each. `table.test.ts` combines each of them with each kind of request. */
import { Effect, type Scope } from "effect"
import type { Outcome } from "../../src/emulator/faults/FaultInjection.ts"
import { until } from "../support/effectTest.ts"
import type { Kind } from "./requests.ts"
import { type Plant, speed } from "./plant.ts"

export interface Fault {
  readonly name: string
  /** TB_TIMEOUT in ms. */
  readonly timeout: number
  readonly begin: (plant: Plant, kind: Kind) => Effect.Effect<unknown, never, Scope.Scope>
  /** Whether calls fail until the test ends the fault. */
  readonly lasts?: boolean
  /** What ends the fault, apart from the removal of what was injected. */
  readonly end?: (plant: Plant) => void
  /** Whether other requests are served meanwhile; true by default. */
  readonly sparesOthers?: boolean
  /** Whether its requests are tested one after the other, since a busy processor would change the result. */
  readonly isBrief?: boolean
}

/** Ms. Nothing waits as long, so that a busy machine makes no difference. */
const defaultTimeout = 20_000

interface Injection {
  readonly outcome?: Outcome
  readonly latencyMillis?: number
  readonly timeout?: number
}

const inject =
  (times: number | "always", { latencyMillis, outcome }: Injection): Fault["begin"] =>
  (plant, kind) =>
    Effect.sync(() =>
      plant.emulator.faults.inject({
        ...kind.calls(plant),
        times,
        ...(outcome === undefined ? {} : { outcome }),
        ...(latencyMillis === undefined ? {} : { latencyMillis })
      })
    )

/** For one call, and for as long as the fault lasts. */
const both = (name: string, injection: Injection): ReadonlyArray<Fault> => {
  const { timeout = defaultTimeout } = injection
  // After a 429, the other calls of the same user wait.
  const sparesOthers = injection.outcome?.type !== "Status" || injection.outcome.status !== 429
  return [
    { name: `${name}, once`, timeout, begin: inject(1, injection), sparesOthers },
    { name, timeout, begin: inject("always", injection), sparesOthers, lasts: true }
  ]
}

const status = (code: number, headers: Record<string, string> = {}): Injection => ({ outcome: { type: "Status", status: code, headers } })
const html = { "content-type": "text/html" }

/** ThingsBoard is killed while it works on the call, and starts again after some seconds. */
const killed = (seconds: number): Fault => ({
  name: `ThingsBoard killed, back after ${seconds} s`,
  timeout: defaultTimeout,
  begin: (plant, kind) => {
    const { faults } = plant.emulator
    const { skip = 0, ...calls } = kind.calls(plant)
    return inject(1, { latencyMillis: 1000 })(plant, kind).pipe(
      Effect.andThen(
        until(() => faults.calls(calls).length > skip).pipe(
          Effect.andThen(Effect.sync(() => plant.link.down())),
          Effect.andThen(Effect.sleep((seconds * 1000) / speed)),
          Effect.andThen(Effect.sync(() => plant.link.up())),
          Effect.forkScoped
        )
      )
    )
  },
  sparesOthers: false,
  isBrief: seconds < 10
})

const login = { method: "POST", path: "/api/auth/login" }

export const faults: ReadonlyArray<Fault> = [
  { name: "none", timeout: defaultTimeout, begin: () => Effect.void },
  { name: "a delay of 2 s", timeout: defaultTimeout, begin: inject("always", { latencyMillis: 2000 / speed }) },
  ...both("no response", { outcome: { type: "Hang" }, timeout: 2000 }),
  ...both("a response that stalls", { outcome: { type: "Stall", bytes: 10 }, timeout: 2000 }),
  ...both("status 500", status(500)),
  ...both("status 502", status(502)),
  ...both("status 503", status(503)),
  ...both("status 503 with Retry-After: 7", status(503, { "retry-after": "7" })),
  ...both("status 504", status(504)),
  ...both("status 429", status(429)),
  // Less than Retry-After, so that it is not waited for.
  ...both("status 429 with Retry-After: 7", { ...status(429, { "retry-after": "7" }), timeout: 5000 }),
  ...both("JSON that ends early", { outcome: { type: "Garbage" } }),
  ...both("an HTML page with status 200", { outcome: { type: "Status", status: 200, body: "<html>Sign in</html>", headers: html } }),
  ...both("a truncated response", { outcome: { type: "Truncate", bytes: 10 } }),
  ...both("a reset before the call was carried out", { outcome: { type: "Reset" } }),
  ...both("a reset after the call was carried out", { outcome: { type: "Reset", handled: true } }),
  ...both("a redirect to another host", { outcome: { type: "Redirect", location: "https://elsewhere.example/" } }),
  { name: "idle connections reset", timeout: defaultTimeout, begin: ({ link }) => Effect.sync(() => link.resetConnections()) },
  { name: "all tokens revoked", timeout: defaultTimeout, begin: ({ emulator }) => emulator.revokeTokens },
  {
    name: "all tokens revoked, and the password changed",
    timeout: defaultTimeout,
    begin: ({ emulator }) =>
      Effect.andThen(
        emulator.revokeTokens,
        Effect.sync(() => emulator.faults.inject({ ...login, times: "always", outcome: { type: "Status", status: 401 } }))
      ),
    // Logins are repeated after a pause only, since they could lock the account.
    end: ({ moveForward }) => moveForward("2 hours"),
    lasts: true,
    sparesOthers: false
  },
  killed(3),
  killed(60)
]
