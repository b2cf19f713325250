import { Context, Layer } from "effect"

/** Ms. A forced collection holds the event loop: for 1 ms with an empty heap, 20 ms with a million objects, 80 ms with three million. */
const maxForcedMillis = 10
/** Ms for which collections are not forced after one that took too long. */
const forceAgainAfter = 60_000

/** Bytes of discarded buffers per collection. */
const collectEvery = 24 * 1024 * 1024

/**
 * Counts discarded buffers, and runs the garbage collector when they add up. The collector by itself looks at the heap, where a buffer
 * of a megabyte is one small object: left alone, it lets a fast export pile up a hundred megabytes of buffers that are no longer needed.
 *
 * One per process: the collector works on all of its memory.
 */
export class GcPressure extends Context.Service<
  GcPressure,
  {
    /**
     * Counts bytes of buffers that are, or soon will be, unreachable. When a collection is due, it waits for it, which keeps memory
     * lowest; while the heap is so large that this takes long, the collector runs beside the program instead.
     */
    readonly discard: (bytes: number) => void
  }
>()("boardwalk/platform/GcPressure") {
  static readonly layer = Layer.sync(GcPressure, () => {
    let discarded = 0
    let forcedAgainAt = 0
    const collect = () => {
      const startedAt = performance.now()
      const isForced = startedAt >= forcedAgainAt
      Bun.gc(isForced)
      const now = performance.now()
      if (isForced && now - startedAt > maxForcedMillis) forcedAgainAt = now + forceAgainAfter
    }
    return {
      discard: (bytes) => {
        discarded += bytes
        if (discarded < collectEvery) return
        discarded = 0
        collect()
      }
    }
  })
}
