/** What `boardwalk keys create` makes of its flags. */
import { expect, test } from "bun:test"
import { idOf } from "../../src/cli/keysId.ts"

test("an id is made of the letters of a name, whatever they are, and never looks like a flag", () => {
  const digest = "5b6da5".padEnd(64, "0")
  const names = { "Zähler Ünït": "zahler-unit", 温度: "key", "--x--": "x", "": "key", "ﬁne ①": "fine-1", Crème: "creme" }
  for (const [name, id] of Object.entries(names)) expect([name, idOf(name, digest)]).toEqual([name, `${id}-5b6da5`])
  expect(idOf(`${"a".repeat(39)} b`, digest)).toBe(`${"a".repeat(39)}-5b6da5`)
})
