/**
 * Sheds load before memory or time run out: expensive requests first, then all. Requests look at one field; a fiber of its own takes the
 * samples.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../config/Settings.ts"
import { collectGarbage, MemoryInUse, memoryLimit, waitAndMeasureDelay } from "../platform/processHealth.ts"
import { type Load, LoadDetector, type LoadReason, type Sample } from "./LoadDetector.ts"

/** Ms between two samples. */
const interval = 250

/** Samples between two collections. A collection takes up to some 100 ms, and memory may be in use for a good reason. */
const samplesPerCollection = 8

interface Episode {
  readonly reason: LoadReason
  readonly startedAt: number
  rejected: number
}

export class Overload extends Context.Service<
  Overload,
  {
    /** Read on every request. */
    readonly load: () => Load
    /** Counts a rejected request, for the log. */
    readonly countRejection: () => void
    /** Takes a sample. The layer does so all the time. */
    readonly update: (sample: Sample) => Effect.Effect<void>
  }
>()("boardwalk/overload/Overload") {
  static readonly layer = Layer.effect(
    Overload,
    Effect.gen(function* () {
      const { maxEventLoopDelay, maxMemory = memoryLimit(), overloadProtection } = yield* Settings
      const memoryInUse = yield* MemoryInUse
      const detector = new LoadDetector({ maxMemory, maxDelay: Duration.toMillis(maxEventLoopDelay) })
      let load: Load = { level: 0, reason: undefined }
      let episode: Episode | undefined
      let samples = 0

      const update = (sample: Sample): Effect.Effect<void> =>
        Effect.suspend(() => {
          load = detector.update(sample)
          const now = performance.now()
          if (load.reason !== undefined && episode === undefined) {
            episode = { reason: load.reason, startedAt: now, rejected: 0 }
            return Effect.annotateLogs(Effect.logWarning("Overloaded: requests are rejected"), {
              reason: load.reason,
              rejects: load.level === 2 ? "all" : "expensive",
              memory_mib: Math.round(sample.memory / 2 ** 20),
              max_memory_mib: Math.round(maxMemory / 2 ** 20),
              event_loop_delay_ms: Math.round(sample.delay)
            })
          }
          if (load.reason !== undefined || episode === undefined) return Effect.void
          const { reason, rejected, startedAt } = episode
          episode = undefined
          return Effect.annotateLogs(Effect.logInfo("No longer overloaded"), {
            reason,
            rejected,
            seconds: Math.round((now - startedAt) / 1000)
          })
        })

      const takeSample = Effect.gen(function* () {
        const delay = yield* waitAndMeasureDelay(interval)
        // Garbage counts as memory in use. Without a collection, a gateway that serves nothing would not learn that memory is free.
        if (load.reason === "memory" && samples++ % samplesPerCollection === 0) collectGarbage()
        yield* update({ memory: memoryInUse(), delay })
      })
      if (overloadProtection) yield* Effect.forkScoped(Effect.forever(takeSample))

      return {
        load: () => load,
        countRejection: () => {
          if (episode !== undefined) episode.rejected++
        },
        update
      }
    })
  )
}
