/**
 * Logs in to ThingsBoard when the gateway starts, so that a wrong password or address is reported then, and not at the first request. The
 * gateway serves meanwhile: ThingsBoard may start later.
 */
import { Context, Effect, Layer, Schedule } from "effect"
import { Settings } from "../config/Settings.ts"
import { Session } from "../thingsboard/auth/Session.ts"
import { describeLoginFailure } from "./Readiness.ts"

/** Whether to check at the start. Tests that count the calls to ThingsBoard do not. */
export const ChecksThingsBoardAtStart = Context.Reference("boardwalk/services/ChecksThingsBoardAtStart", { defaultValue: () => false })

const check = Effect.gen(function* () {
  const { tbCredentials } = yield* Settings
  const session = yield* Session
  let isReported = false
  yield* session.identity.pipe(
    Effect.tapError((error) =>
      Effect.suspend(() => {
        if (isReported) return Effect.void
        isReported = true
        const reason = describeLoginFailure(error, tbCredentials._tag)
        return Effect.logError(
          `${reason} Requests get 502 or 503 until the gateway is logged in. Check TB_HOST and its credentials; boardwalk doctor says more.`
        )
      })
    ),
    // A login that failed is not repeated earlier than its backoff allows, however often it is asked for.
    Effect.retry(Schedule.spaced("5 seconds")),
    Effect.andThen(Effect.logInfo("Logged in to ThingsBoard")),
    Effect.ignore
  )
})

export const layer = Layer.effectDiscard(
  Effect.flatMap(ChecksThingsBoardAtStart, (isChecked) => (isChecked ? Effect.forkScoped(check) : Effect.void))
)
