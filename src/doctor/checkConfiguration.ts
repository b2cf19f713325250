import { Effect } from "effect"
import { checkCertificates, readCertificates } from "../config/Certificates.ts"
import { checkFiles } from "../config/checkFiles.ts"
import { checkOpenTelemetry } from "../config/OpenTelemetry.ts"
import type { ResolvedSetting } from "../config/resolveSettings.ts"
import { makeSettings, type InvalidSettings, valuesOf } from "../config/Settings.ts"
import { checkKeyFile } from "../apikeys/KeyFile.ts"
import { CheckFailure } from "./Check.ts"

export const settingsFailure = ({ issues }: InvalidSettings) =>
  new CheckFailure({
    detail: issues.map(({ issue, variable }) => `${variable} ${issue}`).join("; "),
    hint: "`boardwalk config show` prints the settings in effect and where each comes from."
  })

/** Checks the settings and the certificates that they name, and reports all errors in one line. Of the key file, which has its own check, only the warnings are included. */
export const checkConfiguration = Effect.fnUntraced(function* (resolved: ReadonlyArray<ResolvedSetting>) {
  const values = valuesOf(resolved)
  const keys = { ...(yield* checkKeyFile(values)), errors: [] }
  const settings = yield* makeSettings(resolved, [
    yield* checkCertificates(values),
    keys,
    yield* checkFiles(resolved),
    yield* checkOpenTelemetry
  ])
  return { settings, certificates: yield* readCertificates(settings) }
}, Effect.mapError(settingsFailure))
