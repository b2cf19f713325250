/** How long a session waits after a rejected login, by how many were rejected before. */
import { expect, test } from "bun:test"
import { LoginBackoff } from "../../../src/thingsboard/auth/LoginBackoff.ts"

const hour = 3_600_000
const rejected = { status: 401 }

/** The pauses after so many rejections, each at the end of the pause before. */
const pausesAfter = (count: number, wrongPassword: boolean) => {
  const backoff = new LoginBackoff()
  let now = 0
  return Array.from({ length: count }, () => {
    backoff.recordRefusal(now, rejected, wrongPassword)
    const start = now
    // In whole seconds: no pause is shorter than one.
    while (backoff.errorAt(now) !== undefined) now += 1000
    return now - start
  })
}

test("wrong passwords make attempts rare: every hour after the third, then twice as long, up to a day", () => {
  const [first, second, ...rare] = pausesAfter(9, true)
  expect([first, second]).toEqual([30_000, 60_000])
  expect(rare.map((pause) => pause / hour)).toEqual([1, 2, 4, 8, 16, 24, 24])
})

test("other rejections are retried after 30 s, and then twice as long, up to ten minutes", () => {
  expect(pausesAfter(7, false).map((pause) => pause / 1000)).toEqual([30, 60, 120, 240, 480, 600, 600])
})

test("a login that succeeds ends the count of wrong passwords, and other credentials start anew", () => {
  const backoff = new LoginBackoff()
  for (let attempt = 0; attempt < 3; attempt++) backoff.recordRefusal(attempt * 24 * hour, rejected, true)
  backoff.recordLogin()
  backoff.reset()
  backoff.recordRefusal(100 * hour, rejected, true)
  expect(backoff.errorAt(100 * hour + 29_999)?.reason._tag).toBe("LoginRefused")
  expect(backoff.errorAt(100 * hour + 30_000)).toBeUndefined()
})
