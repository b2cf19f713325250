import { expect, test } from "bun:test"
import { Effect } from "effect"
import { rememberByBytes } from "../../../src/thingsboard/responses/rememberByBytes.ts"
import { withoutCredentials } from "../../../src/thingsboard/responses/CredentialFilter.ts"

test("the same bytes are read once, equal ones and those that failed again", () => {
  const seen: Array<string> = []
  const read = rememberByBytes((bytes) => {
    const text = Buffer.from(bytes).toString()
    seen.push(text)
    return text === "bad" ? Effect.fail("bad") : Effect.succeed(text.length)
  })
  const [good, equal, bad] = [Buffer.from("good"), Buffer.from("good"), Buffer.from("bad")]
  expect([good, good, equal].map((bytes) => Effect.runSync(read(bytes)))).toEqual([4, 4, 4])
  for (let i = 0; i < 2; i++) expect(Effect.runSync(Effect.flip(read(bad)))).toBe("bad")
  expect(seen).toEqual(["good", "good", "bad", "bad"])
})

test("bytes without their credentials are the same bytes every time, and the original ones are not changed", () => {
  const entity = Buffer.from('{"additionalInfo":{"password":"x","a":1}}')
  const [first, second] = [Effect.runSync(withoutCredentials(entity)), Effect.runSync(withoutCredentials(entity))]
  expect(Buffer.from(first).toString()).toBe('{"additionalInfo":{"a":1}}')
  expect(second).toBe(first)
  expect(entity.toString()).toContain('"password":"x"')
})
