import { Effect } from "effect"
import { Settings } from "../config/Settings.ts"
import { probe } from "../thingsboard/requests/probe.ts"
import { CheckFailure } from "./Check.ts"

/** Any HTTP response counts, whatever its status. */
export const checkReachable = Effect.gen(function* () {
  const { tbHost } = yield* Settings
  yield* probe(tbHost).pipe(
    Effect.timeout("10 seconds"),
    Effect.mapError(
      () =>
        new CheckFailure({
          detail: `no response from ${tbHost}`,
          hint: "Check that TB_HOST is right (scheme, host, port), that ThingsBoard is running, and that neither a firewall nor an untrusted certificate prevents the connection."
        })
    )
  )
  return tbHost
})
