/** Which requests go to ThingsBoard for a body. */
import { expect } from "bun:test"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { Settings } from "../../../src/config/Settings.ts"
import { InvalidInput } from "../../../src/domain/Errors.ts"
import { Attributes } from "../../../src/services/attributes/Attributes.ts"
import { Ingest } from "../../../src/services/ingest/Ingest.ts"
import { NotFound, Rejected, Unavailable } from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import type { ThingsBoardShape } from "../../../src/thingsboard/ThingsBoard.ts"
import { effect } from "../../support/effectTest.ts"
import { whitespace, value } from "../../support/jsonTokens.ts"
import { failWith, stubThingsBoard } from "../../support/stubThingsBoard.ts"

const device = "784f394c-42b6-435a-983c-b7beff2784f9"
const other = "784f394c-42b6-435a-983c-b7beff2784f0"
const t0 = 1_700_000_000_000
const strict = { convertNumericText: false }

/** The services with a ThingsBoard that accepts everything, and the requests that it received. */
const setUp = Effect.fnUntraced(function* (respond: ThingsBoardShape["post"] = () => Effect.succeed(Buffer.alloc(0))) {
  const sent: Array<{ readonly path: string; readonly json: string }> = []
  const post: ThingsBoardShape["post"] = (path, json) =>
    Effect.suspend(() => {
      sent.push({ path, json: String(json) })
      return respond(path, json)
    })
  const layer = Layer.mergeAll(Ingest.layer, Attributes.layer).pipe(
    Layer.provide(stubThingsBoard({ post })),
    Layer.provide(Settings.layerTest())
  )
  // Later than all points of the tests.
  yield* TestClock.setTime(t0 + 1_000_000_000)
  const context = yield* Layer.build(layer)
  return { sent, ingest: yield* Effect.provide(Ingest, context), attributes: yield* Effect.provide(Attributes, context) }
})

const errorsOf = <A, E>(run: Effect.Effect<A, E | InvalidInput>) =>
  Effect.map(Effect.flip(run), (error) =>
    error instanceof InvalidInput ? error.errors.map(({ field, issue }) => `${field}: ${issue}`) : []
  )

effect("points of one timestamp are sent together, with their values as written", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const body = ` {"a": [{"ts":${t0},"value":9007199254740993}, {"value" : 5.0, "ts":${t0 + 1}}],\n"__proto__":[{"ts":${t0},"value":{"b": [1.10]}}]}`
    expect(yield* ingest.upload(device, Buffer.from(body), strict)).toEqual({ keys: ["a", "__proto__"], points: 3, warnings: [] })
    expect(sent).toEqual([
      {
        path: `/api/plugins/telemetry/DEVICE/${device}/timeseries/ANY`,
        json: `[{"ts":${t0},"values":{"a":9007199254740993,"__proto__":{"b": [1.10]}}},{"ts":${t0 + 1},"values":{"a":5.0}}]`
      }
    ])
  })
)

effect("any valid value is sent as written, or rejected with its location", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const tokens = fc.sample(fc.tuple(value, whitespace), { numRuns: 3000, seed: 7 })
    for (const [token, space] of tokens) {
      sent.length = 0
      const body = `{${space}"k"${space}:[{"value":${space}${token}${space},"ts":${t0}}]}`
      const result = yield* Effect.result(ingest.upload(device, body, strict))
      if (result._tag === "Failure") {
        expect(sent).toEqual([])
        expect(result.failure instanceof InvalidInput && result.failure.errors.map(({ field }) => field)).toEqual(["body.k[0].value"])
      } else if (result.success.warnings.length === 0 && !/^-?\d/.test(token)) {
        expect(sent[0]!.json).toBe(`[{"ts":${t0},"values":{"k":${token}}}]`)
      }
    }
  })
)

effect("all errors are reported at once, up to a hundred, and nothing is sent", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const invalid = {
      '{"a":[{"ts":1700000000,"value":1}]}': ["body.a[0].ts: Looks like seconds; expected milliseconds since the Unix epoch"],
      [`{"a":[{"ts":${t0},"value":1},{"ts":${t0}}],"a":[],"b":5}`]: [
        "body.a[1].value: Expected a value",
        "body.a: Expected only once",
        "body.a: Expected a list of one or more points {ts, value}",
        "body.b: Expected a list of one or more points {ts, value}"
      ],
      [`{"a":[{"ts":${t0},"value":1,"ts":${t0}}]}`]: ["body.a[0].ts: Expected only once"],
      [`{"a":[{"ts":${t0},"value":{"x":1,"y":{"x":1,"x":2}}}]}`]: ["body.a[0].value: Expected each field only once"],
      "{}": ["body: Expected one or more keys"],
      "[]": ["body: Expected an object of keys and their points"],
      '{"a":[{"ts":1': ["body: Expected valid JSON: unexpected input at byte 13"],
      '{"a":[NaN]}': ["body: Expected valid JSON: unexpected input at byte 6"],
      [`{"a":[{"ts":${t0},"value":${"[".repeat(200)}${"]".repeat(200)}}]}`]: ["body.a[0].value: Expected JSON of at most 100 levels"]
    }
    for (const [body, errors] of Object.entries(invalid)) expect(yield* errorsOf(ingest.upload(device, body, strict))).toEqual(errors)
    const many = `{"a":[${Array.from({ length: 250 }, () => "{}").join(",")}]}`
    const errors = yield* errorsOf(ingest.upload(device, many, strict))
    expect([errors.length, errors.at(-1)]).toEqual([101, "body: and 400 more errors"])
    expect(sent).toEqual([])
  })
)

effect("of two points with the same key and timestamp the later one is sent, with a warning", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const result = yield* ingest.upload(device, `{"a":[{"ts":${t0},"value":1},{"ts":${t0},"value":2}]}`, strict)
    expect(result).toEqual({
      keys: ["a"],
      points: 1,
      warnings: ["1 point was left out: a later point in the body has the same key and time."]
    })
    expect(sent[0]!.json).toBe(`[{"ts":${t0},"values":{"a":2}}]`)
  })
)

effect("seconds are accepted with ts_unit=s", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    yield* ingest.upload(device, '{"a":[{"ts":1700000000,"value":1}]}', { ...strict, tsUnit: "s" })
    expect(sent[0]!.json).toStartWith(`[{"ts":${t0},`)
  })
)

effect("many points are sent in order in few writes, well below ThingsBoard's limit", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const points = Array.from({ length: 45_000 }, (_, i) => `{"ts":${t0 + i},"value":${i}}`)
    expect((yield* ingest.upload(device, `{"a":[${points.join(",")}]}`, strict)).points).toBe(45_000)
    expect(sent.map(({ json }) => (JSON.parse(json) as Array<unknown>).length)).toEqual([20_000, 20_000, 5000])
    sent.length = 0
    const large = Array.from({ length: 12 }, (_, i) => `{"ts":${t0 + i},"value":"${"x".repeat(700_000)}"}`)
    yield* ingest.upload(device, `{"a":[${large.join(",")}]}`, strict)
    expect(sent.length).toBe(2)
    expect(Math.max(...sent.map(({ json }) => json.length))).toBeLessThan(16 * 1024 * 1024)
  })
)

effect("a well-formed write that ThingsBoard rejects is an invalid input; a missing device is not found", () =>
  Effect.gen(function* () {
    const { ingest } = yield* setUp(() => failWith(new Rejected()))
    const body = `{"a":[{"ts":${t0},"value":1}]}`
    expect(yield* errorsOf(ingest.upload(device, body, strict))).toEqual(["body: ThingsBoard rejects one of these keys or values"])
    const { ingest: without } = yield* setUp(() => failWith(new NotFound()))
    expect((yield* Effect.flip(without.upload(device, body, strict)))._tag).toBe("EntityNotFound")
  })
)

effect("a bulk upload is checked as a whole, then each device is stored independently", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp((path) =>
      path.includes(other) ? failWith(new Unavailable({ why: "refused" })) : Effect.succeed(Buffer.alloc(0))
    )
    const points = `{"a":[{"ts":${t0},"value":0.30000000000000004}]}`
    const { outcomes, warnings } = yield* ingest.bulk(`{"${device}":${points},"${other}":${points}}`, strict)
    expect(outcomes.map(({ failure, keys, points: count }) => [keys, count, failure?._tag])).toEqual([
      [["a"], 1, undefined],
      [["a"], 0, "ThingsBoardError"]
    ])
    expect(warnings).toEqual(["2 decimals were rounded: ThingsBoard stores at most 16 decimal places, with the precision of a double."])
    sent.length = 0
    const invalid = `{"${device}":{"a":[]}," ":${points},"${"x".repeat(256)}":${points},"\\u0000":${points},"${device.toUpperCase()}":${points}}`
    const notAName = "Expected a device id or name, of at most 255 characters and not blank"
    expect(yield* errorsOf(ingest.bulk(invalid, strict))).toEqual([
      `body.${device}.a: Expected a list of one or more points {ts, value}`,
      `body. : ${notAName}`,
      `body.${"x".repeat(123)}: ${notAName}`,
      `body.\0: ${notAName}`,
      `body.${device.toUpperCase()}: Expected each device only once`
    ])
    expect(sent).toEqual([])
  })
)

effect("points more than a day in the future are stored, with a warning that names the first", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const now = yield* Clock.currentTimeMillis
    const at = (ms: number) => `{"ts":${now + ms},"value":1}`
    const points = `{"a":[${at(0)},${at(86_400_000)}],"b":[${at(0)},${at(86_400_001)},${at(1e9)}]}`
    const warning = (first: string) =>
      `points have times more than a day in the future, the first at ${first}: check the unit, the time zone and the clock.`
    expect((yield* ingest.upload(device, points, strict)).warnings).toEqual([`2 ${warning("body.b[1]")}`])
    expect(sent.length).toBe(1)
    const bulk = yield* ingest.bulk(`{"${other}":{"c":[${at(0)}]},"${device}":${points}}`, strict)
    expect(bulk.warnings).toEqual([`2 ${warning(`body.${device}.b[1]`)}`])
    const one = yield* ingest.upload(device, `{"a":[${at(1e9)}]}`, strict)
    expect(one.warnings).toEqual([
      "1 point has a time more than a day in the future, the first at body.a[0]: check the unit, the time zone and the clock."
    ])
  })
)

effect("attributes are sent as written, checked by the same rules", () =>
  Effect.gen(function* () {
    const { attributes, sent } = yield* setUp()
    const body = '{"limit":9007199254740993,"conf":{"a": [1.10]},"sum":0.30000000000000004,"__proto__":"x"}'
    const written = yield* attributes.write(device, "shared", body, strict)
    expect(written.keys).toEqual(["limit", "conf", "sum", "__proto__"])
    expect(written.warnings.length).toBe(1)
    expect(sent).toEqual([
      {
        path: `/api/plugins/telemetry/DEVICE/${device}/attributes/SHARED_SCOPE`,
        json: '{"limit":9007199254740993,"conf":{"a": [1.10]},"sum":0.3,"__proto__":"x"}'
      }
    ])
    const invalid = '{"a":null,"b":"007","b":1," ":1,"big":9223372036854775808}'
    expect(yield* errorsOf(attributes.write(device, "server", invalid, strict))).toEqual([
      "body.a: Expected a value, not null",
      "body.b: Expected text that ThingsBoard does not turn into a number; send a number, or numeric_text=convert",
      "body.b: Expected only once",
      "body. : Expected a key that is not blank",
      "body.big: Expected an integer of at most 64 bits"
    ])
    for (const none of ["{}", "[1]", "5"])
      expect(yield* errorsOf(attributes.write(device, "server", none, strict))).toEqual([
        "body: Expected an object with one or more attributes"
      ])
    expect(sent.length).toBe(1)
  })
)
