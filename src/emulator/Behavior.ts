import { Context, Duration, Layer } from "effect"

/** Which ThingsBoard is played, and how strict it is. */
export interface BehaviorOptions {
  readonly version: "4.1" | "4.3"
  /** Of access tokens; 2.5 hours unless told. */
  readonly tokenLifetime?: Duration.Input | undefined
  /** Of refresh tokens; a week unless told. */
  readonly refreshLifetime?: Duration.Input | undefined
  /** REST calls that each tenant may make, as ThingsBoard writes it: `capacity:seconds`, comma-separated. No limit unless told. */
  readonly rateLimit?: string | undefined
  /** One more failed login than this disables the account. No limit unless told. */
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
