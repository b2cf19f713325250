import { Effect, Metric } from "effect"
import type { CallCounts } from "./CallLimits.ts"

/** Calls at this moment, whether the circuit breaker lets none through, and for how many users of ThingsBoard none are made after a 429. */
export interface TransportCounts extends CallCounts {
  readonly isCircuitOpen: boolean
  readonly pausedUsers: number
}

const inFlight = Metric.gauge("boardwalk_upstream_calls_in_flight", {
  description: "Calls to ThingsBoard in flight, apart from logins. The limit is TB_MAX_CONNECTIONS."
})

const waiting = Metric.gauge("boardwalk_upstream_calls_waiting", {
  description: "Calls to ThingsBoard that wait for their turn. The limit is TB_MAX_QUEUE."
})

const circuitOpen = Metric.gauge("boardwalk_upstream_circuit_open", {
  description: "1 while the circuit breaker lets no calls to ThingsBoard through, otherwise 0."
})

const pausedUsers = Metric.gauge("boardwalk_upstream_paused_users", {
  description: "Users of ThingsBoard for whom no calls are made at the moment, because ThingsBoard limits their rate (429)."
})

/** Metrics are exported every few seconds at most, so counting is left to the limits. */
export const recordCounts = (counts: () => TransportCounts) =>
  Effect.suspend(() => {
    const now = counts()
    return Effect.all(
      [
        Metric.update(inFlight, now.inFlight),
        Metric.update(waiting, now.waiting),
        Metric.update(circuitOpen, now.isCircuitOpen ? 1 : 0),
        Metric.update(pausedUsers, now.pausedUsers)
      ],
      { discard: true }
    )
  })
