import { Effect } from "effect"
import { certificateFindings, readCertificates } from "../config/Certificates.ts"
import type { Reading } from "../config/read.ts"
import { allFaults, fromReadings, InvalidSettings, valuesOf } from "../config/Settings.ts"
import { keysFindings } from "../services/KeysFile.ts"
import { Ailment } from "./Check.ts"

export const ailmentOf = ({ faults }: InvalidSettings) =>
  new Ailment({
    detail: faults.map(({ issue, variable }) => `${variable} ${issue}`).join("; "),
    hint: "`boardwalk config show` prints what is in effect and where it comes from."
  })

/** The settings and the certificates that they name, or all their faults in one line. Of the file of keys, which has a check of its own, the warnings. */
export const configuration = Effect.fnUntraced(function* (readings: ReadonlyArray<Reading>) {
  const named = valuesOf(readings)
  const [found, keys] = [yield* certificateFindings(named), yield* keysFindings(named)]
  const faults = [...allFaults(readings), ...found.faults]
  if (faults.length > 0) return yield* new InvalidSettings({ faults })
  const settings = yield* fromReadings(readings)
  const warnings = [...settings.warnings, ...found.warnings, ...keys.warnings]
  return { settings: { ...settings, warnings }, certificates: yield* readCertificates(settings) }
}, Effect.mapError(ailmentOf))
