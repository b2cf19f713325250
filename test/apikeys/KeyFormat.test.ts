import { expect, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { digestOf, isWellFormed, createKey } from "../../src/apikeys/KeyFormat.ts"

test("a generated key has the format and a valid checksum", () => {
  const key = createKey(randomBytes)
  expect(key).toMatch(/^bw_[0-9A-Za-z]{46}$/)
  expect(isWellFormed(key)).toBe(true)
})

test("one wrong character, or two swapped ones, are detected", () => {
  const key = createKey(randomBytes)
  for (let i = 3; i < key.length; i++) {
    const other = key[i] === "x" ? "y" : "x"
    expect(isWellFormed(key.slice(0, i) + other + key.slice(i + 1))).toBe(false)
  }
  const swapped = [...key]
  const at = swapped.findIndex((letter, i) => i > 3 && letter !== swapped[i + 1])
  ;[swapped[at], swapped[at + 1]] = [swapped[at + 1]!, swapped[at]!]
  expect(isWellFormed(swapped.join(""))).toBe(false)
})

test("all keys are different, and no digest contains part of its key", () => {
  const keys = new Set(Array.from({ length: 1000 }, () => createKey(randomBytes)))
  expect(keys.size).toBe(1000)
  for (const key of keys) expect(digestOf(key)).not.toContain(key.slice(3, 11))
})
