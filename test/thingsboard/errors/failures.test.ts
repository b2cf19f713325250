import { expect, test } from "bun:test"
import { failureOf, failures, mayResend } from "../../../src/thingsboard/errors/failures.ts"
import {
  RateLimited,
  type Reason,
  ResponseTooLarge,
  ThingsBoardError,
  Timeout,
  Unavailable
} from "../../../src/thingsboard/errors/ThingsBoardError.ts"

const failed = (reason: Reason, status?: number) => new ThingsBoardError({ reason, ...(status === undefined ? {} : { status }) })
const unavailable = (why: Unavailable["why"], status?: number) => failed(new Unavailable({ why }), status)

test("a 500 is a failure of ThingsBoard, and every other status of a server means that it is unavailable", () => {
  expect(failureOf(unavailable("status", 500))).toMatchObject({ code: "UPSTREAM_ERROR", effects: "failed", isResent: false })
  for (const status of [502, 503])
    expect(failureOf(unavailable("status", status))).toMatchObject({ code: "UPSTREAM_UNAVAILABLE", effects: "unknown", isResent: true })
})

test("a timeout is sent again only if something else than the gateway noticed it", () => {
  expect(failureOf(failed(new Timeout()))).toMatchObject({ code: "UPSTREAM_TIMEOUT", effects: "unknown", isResent: false })
  expect(failureOf(failed(new Timeout(), 504)).isResent).toBe(true)
})

test("what must not be carried out twice is sent again only if nothing was carried out", () => {
  expect(mayResend(unavailable("refused"), false)).toBe(true)
  for (const error of [unavailable("broken"), unavailable("status", 503), failed(new Timeout(), 504)])
    expect([mayResend(error, true), mayResend(error, false)]).toEqual([true, false])
  for (const { effects, isTransient } of Object.values(failures)) if (effects === "rejected") expect(isTransient).toBe(false)
})

test("Retry-After is ThingsBoard's, if it says one", () => {
  expect(failureOf(failed(new RateLimited({}))).retryAfter).toBe(10)
  expect(failureOf(failed(new RateLimited({ retryAfterMs: 1500 }))).retryAfter).toBe(2)
  for (const { code, retryAfter } of Object.values(failures)) expect(retryAfter !== undefined).toBe(/UNAVAILABLE|OVERLOADED/.test(code))
})

test("the size of a response that is too large is named", () => {
  expect(failureOf(failed(new ResponseTooLarge({ maxBytes: 17 }))).detail).toContain("17 bytes")
})
