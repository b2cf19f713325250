import { expect, test } from "bun:test"
import type { Clock } from "effect"
import type { ApiKey, ApiKeys, Denial } from "../../src/apikeys/ApiKeys.ts"
import { RequestAuthentication } from "../../src/http/CurrentAuthentication.ts"

const key: ApiKey = {
  _tag: "ApiKey",
  id: "reader",
  digest: "00",
  scopes: new Set(),
  devices: undefined,
  thingsBoard: undefined,
  lacksSecret: false,
  rateLimit: undefined,
  allowsAddress: undefined,
  expiresAt: 1000
}
const denial: Denial = { _tag: "Denial", reason: "unknown", hasChecksumError: false }

const request = (result: ApiKey | Denial) => {
  const presented: Array<string> = []
  let now = 0
  const keys: ApiKeys["Service"] = {
    authenticate: (text) => {
      presented.push(text)
      return result
    },
    current: (one, nowMillis) => (nowMillis < one.expiresAt ? one : undefined),
    byId: () => undefined,
    fileState: () => undefined
  }
  const clock = { currentTimeMillisUnsafe: () => now } as Clock.Clock
  const authentication = new RequestAuthentication()
  const authenticate = () => authentication.authenticate("text", keys, clock)
  return { authentication, authenticate, presented, passTo: (millis: number) => (now = millis) }
}

test("a request's key is looked up once, valid or not", () => {
  for (const result of [key, denial]) {
    const { authenticate, authentication, presented } = request(result)
    expect([authenticate(), authenticate()]).toEqual([result, result])
    authentication.isStillAuthorized()
    expect(presented).toEqual(["text"])
  }
})

test("a request is still authorized while its key is valid, and never without one", () => {
  const valid = request(key)
  expect(valid.authentication.isStillAuthorized()).toBe(false)
  valid.authenticate()
  expect(valid.authentication.isStillAuthorized()).toBe(true)
  valid.passTo(1000)
  expect(valid.authentication.isStillAuthorized()).toBe(false)
  const denied = request(denial)
  denied.authenticate()
  expect(denied.authentication.isStillAuthorized()).toBe(false)
})
