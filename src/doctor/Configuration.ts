import { Effect } from "effect"
import { readCertificates } from "../config/Certificates.ts"
import { Settings } from "../config/Settings.ts"
import { Ailment } from "./Check.ts"

/** The settings and the certificates that they name, or all their faults in one line. */
export const configuration = Effect.gen(function* () {
  const settings = yield* Settings
  return { settings, certificates: yield* readCertificates(settings) }
}).pipe(
  Effect.provide(Settings.layer),
  Effect.mapError(
    ({ faults }) =>
      new Ailment({
        detail: faults.map(({ issue, variable }) => `${variable} ${issue}`).join("; "),
        hint: "`boardwalk config show` prints what is in effect and where it comes from."
      })
  )
)
