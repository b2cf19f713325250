import { Effect, Metric } from "effect"
import type { CallLimits } from "./CallLimits.ts"

const inFlight = Metric.gauge("boardwalk_upstream_calls_in_flight", {
  description: "Calls to ThingsBoard in flight, apart from logins. The limit is TB_MAX_CONNECTIONS."
})

const waiting = Metric.gauge("boardwalk_upstream_calls_waiting", {
  description: "Calls to ThingsBoard that wait for their turn. The limit is TB_MAX_QUEUE."
})

/** Metrics are exported every few seconds at most, so counting is left to the limits. */
export const recordCounts = (limits: CallLimits) =>
  Effect.suspend(() => {
    const { counts } = limits
    return Effect.andThen(Metric.update(inFlight, counts.inFlight), Metric.update(waiting, counts.waiting))
  })
