import { Effect, Metric } from "effect"
import type { CircuitBreaker } from "./CircuitBreaker.ts"
import type { CallLimits } from "./CallLimits.ts"

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
export const recordCounts = (limits: CallLimits, breaker: CircuitBreaker | undefined) =>
  Effect.suspend(() => {
    const { counts } = limits
    return Effect.all(
      [
        Metric.update(inFlight, counts.inFlight),
        Metric.update(waiting, counts.waiting),
        Metric.update(circuitOpen, breaker?.isOpen === true ? 1 : 0)
      ],
      { discard: true }
    )
  })
