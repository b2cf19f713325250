/** Measures this process: its memory, the memory that it may use, and how long work waits for the processor. */
import { Context, Effect } from "effect"

/** Bytes of memory that this process may use: the limit of its container (cgroup), or all of the machine's memory. */
export const memoryLimit = (): number => process.constrainedMemory()

/** Bytes of memory that this process uses (resident set size). Takes about 40 µs. Tests replace it. */
export const MemoryInUse = Context.Reference<() => number>("boardwalk/platform/MemoryInUse", {
  defaultValue: () => () => process.memoryUsage.rss()
})

/** Frees memory that is no longer used. Blocks for the length of a collection. */
export const collectGarbage = () => Bun.gc(true)

/** Waits, and returns by how many ms the event loop was late. In real time: a clock for tests knows no delay. */
export const waitAndMeasureDelay = (millis: number): Effect.Effect<number> =>
  Effect.callback((resume) => {
    const startedAt = performance.now()
    const timer = setTimeout(() => resume(Effect.succeed(Math.max(0, performance.now() - startedAt - millis))), millis)
    timer.unref()
    return Effect.sync(() => clearTimeout(timer))
  })
