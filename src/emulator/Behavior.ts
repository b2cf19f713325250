import { Context, Duration, Layer } from "effect"

/** Which version of ThingsBoard to emulate, and with which limits. */
export interface BehaviorOptions {
  readonly version: "4.1" | "4.3"
  /** Lifetime of access tokens; 2.5 hours by default, as in ThingsBoard (the recorded tokens show it). */
  readonly tokenLifetime?: Duration.Input | undefined
  /** Lifetime of refresh tokens; one week by default, as in ThingsBoard. */
  readonly refreshLifetime?: Duration.Input | undefined
  /** REST calls per tenant, in ThingsBoard's notation: `capacity:seconds`, comma-separated. No limit by default. */
  readonly rateLimit?: string | undefined
  /** Failed logins in a row before the next one disables the account. No limit by default. */
  readonly maxFailedLogins?: number | undefined
}

export class Behavior extends Context.Service<
  Behavior,
  {
    readonly version: "4.1" | "4.3"
    readonly tokenLifetimeMillis: number
    readonly refreshLifetimeMillis: number
    readonly rateLimits: ReadonlyArray<{ readonly capacity: number; readonly seconds: number }>
    readonly maxFailedLogins: number
  }
>()("boardwalk/emulator/Behavior") {
  static readonly layer = (options: BehaviorOptions) =>
    Layer.succeed(Behavior, {
      version: options.version,
      tokenLifetimeMillis: Duration.toMillis(options.tokenLifetime ?? "9000 seconds"),
      refreshLifetimeMillis: Duration.toMillis(options.refreshLifetime ?? "7 days"),
      rateLimits: (options.rateLimit ?? "")
        .split(",")
        .filter((limit) => limit !== "")
        .map((limit) => {
          const [capacity, seconds] = limit.split(":").map(Number)
          return { capacity: capacity ?? 0, seconds: seconds ?? 1 }
        }),
      maxFailedLogins: options.maxFailedLogins ?? Number.POSITIVE_INFINITY
    })
}
