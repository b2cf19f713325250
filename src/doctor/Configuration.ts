import { Effect } from "effect"
import { Settings } from "../config/Settings.ts"
import { Ailment } from "./Check.ts"

/** The settings, or all their faults in one line. */
export const configuration = Settings.pipe(
  Effect.provide(Settings.layer),
  Effect.mapError(
    ({ faults }) =>
      new Ailment({
        detail: faults.map(({ issue, variable }) => `${variable} ${issue}`).join("; "),
        hint: "`boardwalk config show` prints what is in effect and where it comes from."
      })
  )
)
