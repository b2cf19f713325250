/** The server with all it stands on, as `serve` and `demo` start it. */
import { Effect, Layer } from "effect"
import { type Overrides, Settings } from "../config/Settings.ts"
import { BunHttpServer } from "../platform/BunHttpServer.ts"

const announce = Layer.effectDiscard(
  Effect.gen(function* () {
    const { url } = yield* BunHttpServer
    const { version, warnings } = yield* Settings
    for (const { issue, variable } of warnings) yield* Effect.logWarning(`${variable} ${issue}`)
    yield* Effect.logInfo(`Boardwalk listens on ${url}`, { version })
  })
)

/** Settings come first, so that their faults are told before anything is loaded; telemetry closes last, so that it sees the end. */
export const gateway = (overrides: Overrides) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const Server = yield* Effect.promise(() => import("../http/Server.ts"))
      const Observability = yield* Effect.promise(() => import("../observability/Observability.ts"))
      return announce.pipe(Layer.provideMerge(Server.layer), Layer.provide(Observability.layer))
    })
  ).pipe(Layer.provideMerge(Settings.layerWith(overrides)))
