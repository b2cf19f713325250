import { expect } from "bun:test"
import { Effect } from "effect"
import { scanArray, parseElement } from "../../../src/thingsboard/responses/ArrayScanner.ts"
import { effect } from "../../support/effectTest.ts"

const scanned = (text: string) =>
  Effect.map(scanArray(Buffer.from(text)), (elements) => elements.map((element) => Buffer.from(element).toString()))

effect("an array is split into the bytes of its elements", () =>
  Effect.gen(function* () {
    const elements = ['{"a":[1.10,"]},"],"b":"\\u00e9 \\"é\\""}', "9007199254740993", '"x,y"', "null", "[]"]
    expect(yield* scanned(`[${elements.join(",")}]`)).toEqual(elements)
    expect(yield* scanned(` [ ${elements.join(" ,\n")} ] `)).toEqual(elements)
    expect([yield* scanned("[]"), yield* scanned(" [ ] ")]).toEqual([[], []])
    expect(parseElement(Buffer.from('{"id":1}'))).toEqual({ id: 1 })
  })
)

effect("anything but a complete array is rejected", () =>
  Effect.gen(function* () {
    for (const text of ["", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] 2", "[01]", '["a]', "[{]}]", "[{'a':1}]"]) {
      expect([text, (yield* Effect.flip(scanned(text))).reason._tag]).toEqual([text, "InvalidResponse"])
    }
  })
)
