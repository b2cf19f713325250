import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import { EntityNotFound } from "../../../src/domain/Errors.ts"
import { DeviceId } from "../../../src/domain/Ids.ts"
import { Telemetry } from "../../../src/services/telemetry/Telemetry.ts"
import { Forbidden, NotFound, type ThingsBoardError } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { effect } from "../../support/effectTest.ts"
import { failWith, stubThingsBoard } from "../../support/stubThingsBoard.ts"

const id = DeviceId.make("784f394c-42b6-435a-983c-b7beff2784f9")
const points: Record<string, string> = {
  count: '{"ts":5,"value":9223372036854775807}',
  whole: '{"ts":6,"value":5.0}',
  tiny: '{"ts":7,"value":1.2345678912345679E-8}',
  text: '{"ts":8,"value":"a \\"b\\" \\u00e9"}',
  tree: '{"ts":9,"value":{"x":[1.10,null]}}',
  "a,b": '{"ts":10,"value":true}'
}

/** As ThingsBoard: a key that it does not know is answered by null, with the time of the question. */
const over = Effect.fnUntraced(function* (answer?: Effect.Effect<Buffer, ThingsBoardError>) {
  const asked: Array<ReadonlyArray<string> | undefined> = []
  const latest = (_: string, keys: ReadonlyArray<string> | undefined) =>
    Effect.suspend(() => {
      asked.push(keys)
      const members = (keys ?? Object.keys(points)).map((key) => `${JSON.stringify(key)}:[${points[key] ?? '{"ts":99,"value":null}'}]`)
      return answer ?? Effect.succeed(Buffer.from(`{${members.join(",")}}`))
    })
  const get = () => answer ?? Effect.succeed(Buffer.from('["text","a,b","count"]'))
  const telemetry = yield* Effect.provide(
    Telemetry,
    yield* Layer.build(Telemetry.layer.pipe(Layer.provide(stubThingsBoard({ latest, get }))))
  )
  return { asked, telemetry }
})

describe("latest values", () => {
  effect("come in the order asked, token for token, null where there is none", () =>
    Effect.gen(function* () {
      const { telemetry } = yield* over()
      const keys = ["tree", "nope", "count", "text", "whole", "tiny", "count"]
      const found = yield* telemetry.latest(id, keys)
      expect(found.keys).toEqual(["tree", "nope", "count", "text", "whole", "tiny"])
      expect(found.json).toBe(`{${found.keys.map((key) => `"${key}":${points[key] ?? "null"}`).join(",")}}`)
    })
  )

  effect("of all keys when none is named, in alphabetical order", () =>
    Effect.gen(function* () {
      const { telemetry } = yield* over()
      const found = yield* telemetry.latest(id, undefined)
      expect(found.keys).toEqual(["a,b", "count", "text", "tiny", "tree", "whole"])
    })
  )

  effect("are asked for by name once the names are known; a word of the caller's never reaches ThingsBoard's dictionary", () =>
    Effect.gen(function* () {
      const { asked, telemetry } = yield* over()
      const first = yield* telemetry.latest(id, ["count", "text"])
      expect(yield* telemetry.latest(id, ["count", "text"])).toEqual(first)
      const odd = yield* telemetry.latest(id, ["count", "words of a stranger"])
      expect(odd.json).toBe(`{"count":${points["count"]},"words of a stranger":null}`)
      expect((yield* telemetry.latest(id, ["words of a stranger", "a,b"])).json).toEndWith(`"a,b":${points["a,b"]}}`)
      expect(asked).toEqual([undefined, ["count", "text"], undefined, undefined])
    })
  )

  effect("of what is missing or another's are not found, keys neither", () =>
    Effect.gen(function* () {
      for (const reason of [new NotFound(), new Forbidden()]) {
        const { telemetry } = yield* over(failWith(reason))
        const missing = new EntityNotFound({ entityType: "DEVICE", id })
        expect(yield* Effect.flip(telemetry.latest(id, ["count"]))).toEqual(missing)
        expect(yield* Effect.flip(telemetry.keys(id))).toEqual(missing)
      }
    })
  )

  effect("that are no such answer are refused", () =>
    Effect.gen(function* () {
      const { telemetry } = yield* over(Effect.succeed(Buffer.from('{"count":5}')))
      expect(yield* Effect.flip(telemetry.latest(id, undefined))).toMatchObject({ reason: { _tag: "InvalidResponse" } })
      expect(yield* Effect.flip(telemetry.keys(id))).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    })
  )
})

effect("keys come in alphabetical order", () =>
  Effect.gen(function* () {
    const { telemetry } = yield* over()
    expect(yield* telemetry.keys(id)).toEqual(["a,b", "count", "text"])
  })
)
