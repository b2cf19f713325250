import { heapSize } from "bun:jsc"
import { Context, Layer } from "effect"

/**
 * Bytes of the heap up to which a collection is waited for. Waiting holds the event loop: for 2 ms with a hundred thousand objects (10 MB),
 * 10 ms with half a million, 80 ms with three million.
 */
const maxHeapToWait = 48 * 1024 * 1024

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
    return {
      discard: (bytes) => {
        discarded += bytes
        if (discarded < collectEvery) return
        discarded = 0
        Bun.gc(heapSize() <= maxHeapToWait)
      }
    }
  })
}
