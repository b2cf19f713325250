import { LoginRefused, ThingsBoardError } from "../errors/ThingsBoardError.ts"

/**
 * ThingsBoard can be told to lock an account after some wrong passwords, however far apart they come, and a password that was wrong so
 * often does not become right by waiting.
 */
const maxWrongPasswords = 3

/** Other refusals lock nothing and may pass, so tries get rarer: 30 s, 1 min, 2 min … 10 min. */
const refusalPause = (count: number) => Math.min(30_000 * 2 ** (count - 1), 600_000)

/** Where the login could not be tried at all: half a second, 1 s … 5 s. */
const outagePause = (count: number) => Math.min(500 * 2 ** (count - 1), 5_000)

/** Keeps a session from trying again too soon. Meanwhile everything fails at once with the error that began it. */
export class LoginBackoff {
  private until = 0
  private error: ThingsBoardError | undefined
  private refusals = 0
  private wrongPasswords = 0
  private outages = 0

  /** The error to fail with, as long as it is too soon. */
  errorAt(now: number): ThingsBoardError | undefined {
    return now < this.until ? this.error : undefined
  }

  recordRefusal(
    now: number,
    { errorCode, status }: Pick<ThingsBoardError, "errorCode" | "status">,
    wrongPassword = false
  ): ThingsBoardError {
    const standing = this.errorAt(now)
    if (standing?.reason._tag === "LoginRefused") return standing
    const isLast = wrongPassword && ++this.wrongPasswords >= maxWrongPasswords
    this.until = isLast ? Number.POSITIVE_INFINITY : now + refusalPause(++this.refusals)
    this.error = new ThingsBoardError({
      reason: new LoginRefused(isLast ? {} : { retryAt: this.until }),
      ...(status === undefined ? {} : { status }),
      ...(errorCode === undefined ? {} : { errorCode })
    })
    return this.error
  }

  recordOutage(now: number, error: ThingsBoardError): ThingsBoardError {
    this.until = now + outagePause(++this.outages)
    this.error = error
    return error
  }

  recordLogin() {
    this.until = 0
    this.outages = 0
    this.wrongPasswords = 0
  }

  /** The credentials have proved good for a while: the next refusal is a first one. */
  recordUse() {
    this.refusals = 0
  }
}
