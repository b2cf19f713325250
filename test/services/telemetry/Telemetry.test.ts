import { describe, expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Settings } from "../../../src/config/Settings.ts"
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

/** Like ThingsBoard, returns null with the current time for a key that it does not know. */
const telemetryOver = Effect.fnUntraced(function* (answer?: Effect.Effect<Buffer, ThingsBoardError>) {
  const requested: Array<ReadonlyArray<string> | undefined> = []
  const latest = (_: string, keys: ReadonlyArray<string> | undefined) =>
    Effect.suspend(() => {
      requested.push(keys)
      const fields = (keys ?? Object.keys(points)).map((key) => `${JSON.stringify(key)}:[${points[key] ?? '{"ts":99,"value":null}'}]`)
      return answer ?? Effect.succeed(Buffer.from(`{${fields.join(",")}}`))
    })
  const get = () => answer ?? Effect.succeed(Buffer.from('["text","a,b","count"]'))
  const telemetry = yield* Effect.provide(
    Telemetry,
    yield* Layer.build(Telemetry.layer.pipe(Layer.provide(Layer.merge(stubThingsBoard({ latest, get }), Settings.layerTest()))))
  )
  return { requested, telemetry }
})

describe("latest values", () => {
  effect("come in the requested order with every token unchanged, null for keys without a value", () =>
    Effect.gen(function* () {
      const { telemetry } = yield* telemetryOver()
      const keys = ["tree", "nope", "count", "text", "whole", "tiny", "count"]
      const found = yield* telemetry.latest(id, keys)
      expect(found.keys).toEqual(["tree", "nope", "count", "text", "whole", "tiny"])
      expect(found.json).toBe(`{${found.keys.map((key) => `"${key}":${points[key] ?? "null"}`).join(",")}}`)
    })
  )

  effect("include all keys in alphabetical order if none is requested", () =>
    Effect.gen(function* () {
      const { telemetry } = yield* telemetryOver()
      const found = yield* telemetry.latest(id, undefined)
      expect(found.keys).toEqual(["a,b", "count", "text", "tiny", "tree", "whole"])
    })
  )

  effect("are requested by key once the keys are known; unknown keys are never sent to ThingsBoard", () =>
    Effect.gen(function* () {
      const { requested, telemetry } = yield* telemetryOver()
      const first = yield* telemetry.latest(id, ["count", "text"])
      expect(yield* telemetry.latest(id, ["count", "text"])).toEqual(first)
      const withUnknown = yield* telemetry.latest(id, ["count", "an unknown key"])
      expect(withUnknown.json).toBe(`{"count":${points["count"]},"an unknown key":null}`)
      expect((yield* telemetry.latest(id, ["an unknown key", "a,b"])).json).toEndWith(`"a,b":${points["a,b"]}}`)
      expect(requested).toEqual([undefined, ["count", "text"], undefined, undefined])
    })
  )

  effect("and keys of a device that does not exist or is not visible are not found", () =>
    Effect.gen(function* () {
      for (const reason of [new NotFound(), new Forbidden()]) {
        const { telemetry } = yield* telemetryOver(failWith(reason))
        const missing = new EntityNotFound({ entityType: "DEVICE", id })
        expect(yield* Effect.flip(telemetry.latest(id, ["count"]))).toEqual(missing)
        expect(yield* Effect.flip(telemetry.keys(id))).toEqual(missing)
      }
    })
  )

  effect("and keys in an invalid response are rejected", () =>
    Effect.gen(function* () {
      const { telemetry } = yield* telemetryOver(Effect.succeed(Buffer.from('{"count":5}')))
      expect(yield* Effect.flip(telemetry.latest(id, undefined))).toMatchObject({ reason: { _tag: "InvalidResponse" } })
      expect(yield* Effect.flip(telemetry.keys(id))).toMatchObject({ reason: { _tag: "InvalidResponse" } })
    })
  )
})

effect("keys are in alphabetical order", () =>
  Effect.gen(function* () {
    const { telemetry } = yield* telemetryOver()
    expect(yield* telemetry.keys(id)).toEqual(["a,b", "count", "text"])
  })
)
