import { Effect } from "effect"
import { Settings } from "../config/Settings.ts"
import { probe } from "../thingsboard/requests/probe.ts"
import { CheckFailure } from "./Check.ts"

/** Any answer over HTTP counts, whatever its status. */
export const checkReachable = Effect.gen(function* () {
  const { tbHost } = yield* Settings
  yield* probe(tbHost).pipe(
    Effect.timeout("10 seconds"),
    Effect.mapError(
      () =>
        new CheckFailure({
          detail: `no response from ${tbHost}`,
          hint: "Is TB_HOST right (scheme, host, port), is ThingsBoard running, does a firewall or its certificate stand between?"
        })
    )
  )
  return tbHost
})
