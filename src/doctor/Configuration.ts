import { Effect } from "effect"
import { certificateFindings, readCertificates } from "../config/Certificates.ts"
import type { Reading } from "../config/readSettings.ts"
import { fromReadings, type InvalidSettings, valuesOf } from "../config/Settings.ts"
import { keyFileFindings } from "../apikeys/KeyFile.ts"
import { CheckFailure } from "./Check.ts"

export const settingsFailure = ({ faults }: InvalidSettings) =>
  new CheckFailure({
    detail: faults.map(({ issue, variable }) => `${variable} ${issue}`).join("; "),
    hint: "`boardwalk config show` prints what is in effect and where it comes from."
  })

/** The settings and the certificates that they name, or all their faults in one line. Of the file of keys, which has a check of its own, the warnings. */
export const configuration = Effect.fnUntraced(function* (readings: ReadonlyArray<Reading>) {
  const named = valuesOf(readings)
  const keys = { ...(yield* keyFileFindings(named)), faults: [] }
  const settings = yield* fromReadings(readings, [yield* certificateFindings(named), keys])
  return { settings, certificates: yield* readCertificates(settings) }
}, Effect.mapError(settingsFailure))
