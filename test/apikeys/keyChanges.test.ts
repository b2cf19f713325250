import { describe, expect, test } from "bun:test"
import { Schema } from "effect"
import { KeysFile } from "../../src/domain/ApiKey.ts"
import { describeKeyChanges, findExpiringKeys } from "../../src/apikeys/keyChanges.ts"
import { renderKeyFile } from "../support/keyFile.ts"

const file = (...[keys]: Parameters<typeof renderKeyFile>) => Schema.decodeSync(Schema.fromJsonString(KeysFile))(renderKeyFile(keys))

const day = 86_400_000
const now = Date.UTC(2027, 0, 1)
const at = (days: number) => new Date(now + days * day).toISOString()

describe("changes of the key file", () => {
  test("are reported by id: a disabled key counts as removed, and an enabled one as added", () => {
    const before = file({ stays: {}, goes: {}, off: {}, on: { disabled: true }, scopes: {}, expiry: { expires_at: at(9) } })
    const after = file({
      stays: {},
      off: { disabled: true },
      on: {},
      scopes: { scopes: ["devices:read"] },
      expiry: { expires_at: at(10) },
      comes: {}
    })
    expect(describeKeyChanges(before, after)).toEqual({ added: ["on", "comes"], removed: ["goes", "off"], changed: ["scopes", "expiry"] })
  })

  test("are empty if only the order of entries has changed", () => {
    expect(describeKeyChanges(file({ a: {}, b: { disabled: true } }), file({ b: { disabled: true }, a: {} }))).toEqual({})
  })
})

test("only keys that expire within 14 days are reported, with the days remaining", () => {
  const keys = file({
    expired: { expires_at: at(-0.1) },
    today: { expires_at: at(0.5) },
    soon: { expires_at: at(14) },
    later: { expires_at: at(14.1) },
    never: {},
    off: { expires_at: at(1), disabled: true }
  })
  expect(findExpiringKeys(keys, now)).toEqual([
    { id: "today", expiresAt: at(0.5), days: 0 },
    { id: "soon", expiresAt: at(14), days: 14 }
  ])
})
