/** Arrays of responses are read in groups of elements: the same as JSON.parse reads, and nothing else. */
import { expect, test } from "bun:test"
import { Option } from "effect"
import * as fc from "fast-check"
import { never, runAtOnce } from "../../../src/domain/Steps.ts"
import { ScanError } from "../../../src/json/JsonScanner.ts"
import { readList } from "../../../src/thingsboard/responses/elements.ts"
import { readRelations } from "../../../src/thingsboard/responses/relations.ts"
import { propertySeed } from "../../support/propertySeed.ts"

const read = (text: string): unknown => {
  try {
    return runAtOnce(readList(Buffer.from(text), Option.some, never))
  } catch (error) {
    if (error instanceof ScanError) return "invalid"
    throw error
  }
}

const parse = (text: string): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : "invalid"
  } catch {
    return "invalid"
  }
}

/** No "__proto__": of two such fields, `toEqual` compares prototypes. */
const anyList = fc
  .array(fc.oneof(fc.jsonValue({ noUnicodeString: false }), fc.string({ maxLength: 3 })), { maxLength: 100 })
  .map((values) => JSON.stringify(values))
  .filter((text) => !text.includes("__proto__"))

test("any array is read as JSON.parse does, also if it is broken in one place", () => {
  fc.assert(
    fc.property(anyList, fc.nat(), fc.constantFrom("", ...'[]{},:"\\ 1x'), (text, position, replacement) => {
      expect(read(text)).toEqual(parse(text))
      const at = position % text.length
      const broken = Buffer.from(text.slice(0, at) + replacement + text.slice(at + 1)).toString() // halves of surrogate pairs become U+FFFD
      expect(read(broken)).toEqual(parse(broken))
    }),
    { numRuns: 3000, seed: propertySeed }
  )
})

test("brackets that only fit across elements are invalid", () => {
  for (const text of ['[{"a":[},{]}]', "[[}],[{]]", "[{},,{}]", "[{}{}]", "[{},]", "[", "[]]", "{}"])
    expect([text, read(text)]).toEqual([text, "invalid"])
})

test("relations share their ends, and keep the names that ThingsBoard knows", () => {
  const [from, to] = [
    { entityType: "ASSET", id: "a" },
    { entityType: "DEVICE", id: "d" }
  ]
  const info = (toName: string | null, type: string) => ({ from, to, type, typeGroup: "COMMON", version: 1, fromName: null, toName })
  const { names, relations } = runAtOnce(
    readRelations(Buffer.from(JSON.stringify([info("Meter", "Contains"), info("Meter", "Uses")])), never)
  )
  expect(relations).toEqual([
    { from, to, type: "Contains" },
    { from, to, type: "Uses" }
  ] as never)
  expect(relations[0]!.to).toBe(relations[1]!.to)
  expect([...names]).toEqual([["d", "Meter"]])
  for (const name of [null, "", "N/A"])
    expect(runAtOnce(readRelations(Buffer.from(JSON.stringify([info(name, "Contains")])), never)).names.size).toBe(0)
  for (const wrong of [{ ...info("", "Contains"), type: 1 }, { ...info("", "Contains"), from: {} }, 1])
    expect(() => runAtOnce(readRelations(Buffer.from(JSON.stringify([wrong])), never))).toThrow()
})
