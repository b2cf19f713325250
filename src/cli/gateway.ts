/** The gateway with all its layers, for `serve` and `demo`. */
import { Effect, Layer } from "effect"
import { checkCertificates } from "../config/Certificates.ts"
import { checkFiles } from "../config/checkFiles.ts"
import { readEnvFile } from "../config/envFile.ts"
import { checkOpenTelemetry } from "../config/OpenTelemetry.ts"
import { makeSettings, type Overrides, readSettings, Settings, valuesOf } from "../config/Settings.ts"
import { BunHttpServer } from "../platform/BunHttpServer.ts"
import { checkKeyFile } from "../apikeys/KeyFile.ts"

const AnnounceLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { bound, url } = yield* BunHttpServer
    const { version, warnings } = yield* Settings
    for (const { issue, variable } of warnings) yield* Effect.logWarning(`${variable} ${issue}`)
    const envFile = yield* Effect.orElseSucceed(readEnvFile, () => undefined) // it was read a moment ago
    yield* Effect.logInfo(`Boardwalk listens on ${url}`, { bound, version, settings_file: envFile?.path ?? "none" })
  })
)

/** Reads the settings, and the certificates and key file that they name. All errors are reported together. */
const readCheckedSettings = Effect.fnUntraced(function* (overrides: Overrides) {
  const resolved = yield* readSettings(overrides)
  const values = valuesOf(resolved)
  const diagnostics = [checkCertificates(values), checkKeyFile(values), checkFiles(resolved), checkOpenTelemetry]
  return yield* makeSettings(resolved, yield* Effect.all(diagnostics))
})

/** Settings are read first, so that their errors are reported before anything else is loaded. Observability is closed last, so that it covers the shutdown. */
export const makeGatewayLayer = (overrides: Overrides) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const Server = yield* Effect.promise(() => import("../http/Server.ts"))
      const Observability = yield* Effect.promise(() => import("../observability/Observability.ts"))
      return AnnounceLayer.pipe(
        Layer.provideMerge(Server.layer),
        Layer.provide(Observability.layer),
        Layer.provide(Layer.succeed(Server.ChecksThingsBoardAtStart, true))
      )
    })
  ).pipe(Layer.provideMerge(Layer.effect(Settings, readCheckedSettings(overrides))))
