import { type Fiber, Metric } from "effect"

const readsTotal = Metric.counter("boardwalk_reads_total", {
  description:
    "Reads of ThingsBoard that can be shared, by where the response came from: hit (the cache), coalesced (a call in progress), miss (a call of their own), or stale (the cache, after a miss that failed).",
  incremental: true
})

const counters = {
  hit: Metric.withAttributes(readsTotal, { result: "hit" }),
  coalesced: Metric.withAttributes(readsTotal, { result: "coalesced" }),
  stale: Metric.withAttributes(readsTotal, { result: "stale" }),
  miss: Metric.withAttributes(readsTotal, { result: "miss" })
}

/** Not `Metric.update`: that is an effect more per read. */
export const countRead = (result: keyof typeof counters, fiber: Fiber.Fiber<unknown, unknown>) =>
  counters[result].updateUnsafe(1, fiber.context)

export const cacheBytes = Metric.gauge("boardwalk_read_cache_bytes", { description: "Memory of the responses in the read cache." })
