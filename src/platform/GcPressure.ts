import { fullGC, heapSize } from "bun:jsc"
import { Context, Layer } from "effect"

/**
 * Bytes of the heap up to which its free memory is returned to the system at once, which holds the event loop: for 2 ms with a hundred
 * thousand objects (10 MB), 10 ms with half a million, 80 ms with three million. Beyond, objects are only marked: memory that is free
 * again is used for new ones.
 */
const maxHeapToReturn = 32 * 1024 * 1024

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
     * Counts bytes of buffers and objects that are, or soon will be, unreachable, and collects when it is due. Collections beside the
     * program, `Bun.gc(false)`, do not look at objects that survived one: what was buffered for a while would pile up.
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
        if (heapSize() <= maxHeapToReturn) Bun.gc(true)
        else fullGC()
      }
    }
  })
}
