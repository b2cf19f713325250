import { LoginRefused, ThingsBoardError } from "../errors/ThingsBoardError.ts"

/**
 * ThingsBoard can be configured to lock an account after a number of wrong passwords, however far apart, and waiting does not make a
 * wrong password right. But somebody may correct it at ThingsBoard, so attempts become rare instead of ending: after an hour, 2 h, 4 h … 24 h.
 */
const maxWrongPasswords = 3
const hour = 3_600_000
const rarePause = (count: number) => Math.min(hour * 2 ** (count - 1), 24 * hour)

/** Other rejections lock nothing and may be temporary, so attempts become rarer: after 30 s, 1 min, 2 min … 10 min. */
const refusalPause = (count: number) => Math.min(30_000 * 2 ** (count - 1), 600_000)

/** When the login could not be attempted at all: 0.5 s, 1 s … 5 s. */
const outagePause = (count: number) => Math.min(500 * 2 ** (count - 1), 5_000)

/** Keeps a session from logging in again too soon. Until then, every call fails at once with the error that started the pause. */
export class LoginBackoff {
  private until = 0
  private error: ThingsBoardError | undefined
  private refusals = 0
  private wrongPasswords = 0
  private outages = 0

  /** The error to fail with while it is too soon to log in; undefined otherwise. */
  errorAt(now: number): ThingsBoardError | undefined {
    return now < this.until ? this.error : undefined
  }

  recordRefusal(
    now: number,
    { errorCode, status }: Pick<ThingsBoardError, "errorCode" | "status">,
    wrongPassword = false
  ): ThingsBoardError {
    const current = this.errorAt(now)
    if (current?.reason._tag === "LoginRefused") return current
    if (wrongPassword) this.wrongPasswords++
    const excess = this.wrongPasswords - maxWrongPasswords + 1
    this.until = now + (wrongPassword && excess > 0 ? rarePause(excess) : refusalPause(++this.refusals))
    this.error = new ThingsBoardError({
      reason: new LoginRefused({ retryAt: this.until }),
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

  /** There are other credentials now. */
  reset() {
    this.recordLogin()
    this.recordUse()
  }

  /** The credentials worked for a while, so the next rejection counts as the first. */
  recordUse() {
    this.refusals = 0
  }
}
