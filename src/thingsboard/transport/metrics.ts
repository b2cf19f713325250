import { Effect, Metric } from "effect"
import type { CallCounts } from "./CallLimits.ts"

/** Calls at this moment, and whether the circuit breaker lets none through. */
export interface TransportCounts extends CallCounts {
  readonly isCircuitOpen: boolean
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

/** Metrics are exported every few seconds at most, so counting is left to the limits. */
export const recordCounts = (counts: () => TransportCounts) =>
  Effect.suspend(() => {
    const now = counts()
    return Effect.all(
      [Metric.update(inFlight, now.inFlight), Metric.update(waiting, now.waiting), Metric.update(circuitOpen, now.isCircuitOpen ? 1 : 0)],
      { discard: true }
    )
  })
