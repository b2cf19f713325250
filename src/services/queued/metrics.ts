import { Effect, Metric } from "effect"
import type { Waiting } from "../../spool/model.ts"

const points = Metric.gauge("boardwalk_spool_points", { description: "Points of queued uploads that wait to be stored in ThingsBoard." })

const bytes = Metric.gauge("boardwalk_spool_bytes", {
  description: "Size of the points that wait or were set aside. The limit is SPOOL_MAX_BYTES."
})

const rejected = Metric.gauge("boardwalk_spool_rejected_points", {
  description: "Points of queued uploads that ThingsBoard rejected and that were set aside."
})

const age = Metric.gauge("boardwalk_spool_oldest_seconds", {
  description: "Seconds for which the oldest queued points have waited. The limit is SPOOL_MAX_AGE."
})

export const recordWaiting = (waiting: Waiting) =>
  Effect.all(
    [
      Metric.update(points, waiting.points),
      Metric.update(bytes, waiting.bytes),
      Metric.update(rejected, waiting.rejected),
      Metric.update(age, Math.floor(waiting.age / 1000))
    ],
    { discard: true }
  )
