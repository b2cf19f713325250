/** What holds calls to ThingsBoard back for a while, as the settings say: the circuit breaker, and the pauses of users after 429. */
import { Clock, Duration, Effect, Queue, Redacted } from "effect"
import { Settings } from "../../config/Settings.ts"
import { monotonicMillis } from "../../platform/monotonicTime.ts"
import { CircuitBreaker } from "./CircuitBreaker.ts"
import { type News, sharePauses } from "./sharedPauses.ts"
import { UserPauses, type UserPausesOptions } from "./UserPauses.ts"

/** Older news are of no use when Redis takes none. */
const maxNews = 1000

const logBreaker = (isOpen: boolean, pauseMillis: number) =>
  isOpen
    ? Effect.logWarning("ThingsBoard fails most of the time: no calls are made for a while", { pause_ms: Math.round(pauseMillis) })
    : Effect.logInfo("ThingsBoard responds again: all calls are made")

/** By the clock of the program, until the scope closes. With REDIS_URL they are shared with other gateways. */
export const makeCallPauses = Effect.gen(function* () {
  const { redisUrl, tbBreakerFailures, tbBreakerPause, tbHost } = yield* Settings
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const news = yield* Queue.sliding<News>(maxNews)
  const tell = (found: News) => {
    if (redisUrl !== undefined) Queue.offerUnsafe(news, found)
  }
  const now = () => monotonicMillis(clock)
  const schedule: UserPausesOptions["schedule"] = (millis, run) => {
    const fiber = Effect.runFork(Effect.andThen(clock.sleep(Duration.millis(millis)), Effect.sync(run)))
    return () => fiber.interruptUnsafe()
  }
  const pauses = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new UserPauses({
          now,
          schedule,
          onPause: (user, millis) => tell({ _tag: "UserPaused", user, until: now() + millis })
        })
    ),
    (made) => Effect.sync(() => made.close())
  )
  const breaker =
    tbBreakerFailures === 0
      ? undefined
      : new CircuitBreaker({
          minFailed: tbBreakerFailures,
          firstPause: Duration.toMillis(tbBreakerPause),
          onChange: (isOpen, millis) => void Effect.runForkWith(context)(logBreaker(isOpen, millis)),
          onOwnPause: (millis) => tell({ _tag: "Opened", until: now() + millis }),
          onOwnEnd: () => tell({ _tag: "Closed" })
        })
  if (redisUrl !== undefined) yield* sharePauses({ url: Redacted.value(redisUrl), host: tbHost, breaker, pauses, news })
  return { breaker, pauses }
})
