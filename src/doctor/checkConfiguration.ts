import { Effect } from "effect"
import { checkCertificates, readCertificates } from "../config/Certificates.ts"
import type { ResolvedSetting } from "../config/resolveSettings.ts"
import { makeSettings, type InvalidSettings, valuesOf } from "../config/Settings.ts"
import { checkKeyFile } from "../apikeys/KeyFile.ts"
import { CheckFailure } from "./Check.ts"

export const settingsFailure = ({ issues: faults }: InvalidSettings) =>
  new CheckFailure({
    detail: faults.map(({ issue, variable }) => `${variable} ${issue}`).join("; "),
    hint: "`boardwalk config show` prints what is in effect and where it comes from."
  })

/** The settings and the certificates that they name, or all their faults in one line. Of the file of keys, which has a check of its own, the warnings. */
export const checkConfiguration = Effect.fnUntraced(function* (readings: ReadonlyArray<ResolvedSetting>) {
  const named = valuesOf(readings)
  const keys = { ...(yield* checkKeyFile(named)), faults: [] }
  const settings = yield* makeSettings(readings, [yield* checkCertificates(named), keys])
  return { settings, certificates: yield* readCertificates(settings) }
}, Effect.mapError(settingsFailure))
