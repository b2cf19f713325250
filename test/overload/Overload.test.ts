import { expect } from "bun:test"
import { Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../../src/config/Settings.ts"
import { Overload } from "../../src/overload/Overload.ts"
import { captureSignals } from "../support/leaks/captureSignals.ts"
import { live } from "../support/effectTest.ts"

live("an overload is logged once when it begins and once when it ends, with the number of rejected requests", () =>
  Effect.gen(function* () {
    const { layer, records } = captureSignals()
    const settings = Settings.layerTest({ maxMemory: 100 * 2 ** 20, maxEventLoopDelay: Duration.millis(500), overloadProtection: false })
    const { countRejection, load, update } = Context.get(
      yield* Layer.build(Overload.layer.pipe(Layer.provide(settings), Layer.provide(layer))),
      Overload
    )
    const run = (memoryMiB: number) => Effect.provide(update({ memory: memoryMiB * 2 ** 20, delay: 3 }), layer)
    yield* run(50)
    expect([load().level, records.length]).toEqual([0, 0])
    for (const memory of [85, 95, 85, 95]) {
      yield* run(memory)
      countRejection()
    }
    yield* run(50)
    yield* run(50)
    countRejection()
    expect(load()).toEqual({ level: 0, reason: undefined })
    expect(records).toMatchObject([
      { message: "Overloaded: requests are rejected", reason: "memory", rejects: "expensive", memory_mib: 85, max_memory_mib: 100 },
      { message: "No longer overloaded", reason: "memory", rejected: 4 }
    ])
  })
)
