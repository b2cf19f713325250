/** The server with all it stands on, as `serve` and `demo` start it. */
import { Effect, Layer } from "effect"
import { checkCertificates } from "../config/Certificates.ts"
import { makeSettings, type Overrides, readSettings, Settings, valuesOf } from "../config/Settings.ts"
import { BunHttpServer } from "../platform/BunHttpServer.ts"
import { checkKeyFile } from "../apikeys/KeyFile.ts"

const announce = Layer.effectDiscard(
  Effect.gen(function* () {
    const { bound, url } = yield* BunHttpServer
    const { version, warnings } = yield* Settings
    for (const { issue, variable } of warnings) yield* Effect.logWarning(`${variable} ${issue}`)
    yield* Effect.logInfo(`Boardwalk listens on ${url}`, { bound, version })
  })
)

/** The settings, after a look at the certificates and the keys that they name: what is wrong with any of them is told at once. */
const checked = Effect.fnUntraced(function* (overrides: Overrides) {
  const readings = yield* readSettings(overrides)
  const named = valuesOf(readings)
  return yield* makeSettings(readings, [yield* checkCertificates(named), yield* checkKeyFile(named)])
})

/** Settings come first, so that their faults are told before anything is loaded; telemetry closes last, so that it sees the end. */
export const makeGatewayLayer = (overrides: Overrides) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const Server = yield* Effect.promise(() => import("../http/Server.ts"))
      const Observability = yield* Effect.promise(() => import("../observability/Observability.ts"))
      return announce.pipe(Layer.provideMerge(Server.layer), Layer.provide(Observability.layer))
    })
  ).pipe(Layer.provideMerge(Layer.effect(Settings, checked(overrides))))
