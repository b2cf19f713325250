/** Large JSON bodies: read in steps with the same result as at once, and no further than their errors allow. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../../src/config/Settings.ts"
import { InvalidInput } from "../../../src/domain/Errors.ts"
import { EventLoop } from "../../../src/platform/EventLoop.ts"
import { Attributes } from "../../../src/services/attributes/Attributes.ts"
import { Ingest } from "../../../src/services/ingest/Ingest.ts"
import { effect } from "../../support/effectTest.ts"
import { stubThingsBoard } from "../../support/stubThingsBoard.ts"

const device = "784f394c-42b6-435a-983c-b7beff2784f9"
const t0 = 1_700_000_000_000
const rules = { convertNumericText: false, limits: { maxDepth: 64, maxKeys: 1000, maxDevices: 1000 } }
const notRead = "body: and possibly more errors: the rest of the body was not read"

/** Turns that are over at every look, which are counted. */
const setUp = Effect.fnUntraced(function* () {
  const sent: Array<string> = []
  let turns = 0
  const OverAtEveryLook = Layer.succeed(EventLoop, {
    nextTurn: Effect.void,
    isTurnOver: () => true,
    run: (make) =>
      Effect.sync(() => {
        const steps = make()
        for (let step = steps.next(); ; step = steps.next()) {
          if (step.done === true) return step.value
          turns++
        }
      })
  })
  const post = (_: string, json: string | Uint8Array) => Effect.sync(() => (sent.push(String(json)), Buffer.alloc(0)))
  const layer = Layer.mergeAll(Ingest.layer, Attributes.layer).pipe(
    Layer.provide(Layer.merge(stubThingsBoard({ post }), OverAtEveryLook)),
    Layer.provide(Settings.layerTest())
  )
  // Later than all points of the tests.
  yield* TestClock.setTime(t0 + 1_000_000_000)
  const context = yield* Layer.build(layer)
  return {
    sent,
    turns: () => turns,
    ingest: yield* Effect.provide(Ingest, context),
    attributes: yield* Effect.provide(Attributes, context)
  }
})

const errorsOf = <A, E>(run: Effect.Effect<A, E | InvalidInput>) =>
  Effect.map(Effect.flip(run), (error) =>
    error instanceof InvalidInput ? error.errors.map(({ field, issue }) => `${field}: ${issue}`) : []
  )

const many = (count: number, part: (i: number) => string) => Array.from({ length: count }, (_, i) => part(i)).join(",")
const point = (ts: number, value: string) => `{"ts":${ts},"value":${value}}`

effect("a large body takes many turns, and all of its points are sent as written", () =>
  Effect.gen(function* () {
    const { ingest, sent, turns } = yield* setUp()
    const large = `{"a": [${many(30_000, (i) => String(i))}], "b": {}}`
    const body = `{"large":[${point(t0, large)}],"k":[${many(25_000, (i) => point(t0 + i, `${i}.10`))}]}`
    const { keys, points } = yield* ingest.upload(device, Buffer.from(body), rules)
    expect([keys, points]).toEqual([["large", "k"], 25_001])
    expect(turns()).toBeGreaterThan(25_000 / 64)
    expect(sent.join("").match(/"values"/g)).toHaveLength(25_000)
    expect(sent.join("")).toContain(`"values":{"large":${large},"k":0.10}}`)
    expect(sent.join("")).toContain(`{"ts":${t0 + 24_999},"values":{"k":24999.10}}`)
  })
)

effect("a small body takes one turn", () =>
  Effect.gen(function* () {
    const { attributes, ingest, turns } = yield* setUp()
    yield* ingest.upload(device, `{${many(100, (i) => `"k${i}":[${point(t0, "1")}]`)}}`, rules)
    yield* ingest.bulk(`{"${device}":{"k":[${many(100, (i) => point(t0 + i, "1"))}]}}`, rules)
    yield* attributes.write(device, "server", `{${many(100, (i) => `"k${i}":1`)}}`, rules)
    expect(turns()).toBe(0)
  })
)

effect("of points with the same time the later one counts, in the place of the first", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const body = `{"k":[${many(20_000, (i) => point(t0 + ((i * 7) % 10_000), String(i)))}]}`
    const { points, warnings } = yield* ingest.upload(device, body, rules)
    expect([points, warnings.length]).toEqual([10_000, 1])
    const stored = sent.flatMap((json) => JSON.parse(json) as Array<{ ts: number; values: { k: number } }>)
    expect(stored).toEqual(Array.from({ length: 10_000 }, (_, i) => ({ ts: t0 + ((i * 7) % 10_000), values: { k: 10_000 + i } })))
  })
)

effect("reading stops at the error after the hundredth, and the response says so", () =>
  Effect.gen(function* () {
    const { attributes, ingest, sent } = yield* setUp()
    const bodies = [
      `{"k":[${many(100_000, () => "{}")}]}`,
      `{"k":[{${many(100_000, (i) => `"f${i}":0`)}}]}`,
      `{${many(100_000, () => '"k":0')}}`,
      `{${many(900, (i) => `"k${i}":"${"x".repeat(100)}"`)}`
    ]
    for (const body of bodies) {
      const errors = yield* errorsOf(ingest.upload(device, body, rules))
      expect([errors.length, errors.at(-1)]).toEqual([101, notRead])
    }
    const names = yield* errorsOf(ingest.bulk(`{${many(100_000, (i) => `"d${i}":{}`)}}`, rules))
    expect([names.length, names.at(-1)]).toEqual([101, notRead])
    const values = yield* errorsOf(attributes.write(device, "server", `{${many(100_000, () => '"k":null')}}`, rules))
    expect([values.length, values.at(-1)]).toEqual([101, notRead])
    expect(sent).toEqual([])
  })
)

effect("reading stops at the limit on keys and devices", () =>
  Effect.gen(function* () {
    const { attributes, ingest } = yield* setUp()
    const series = `[${point(t0, "1")}]`
    expect(yield* errorsOf(ingest.upload(device, `{${many(50_000, (i) => `"k${i}":${series}`)}!`, rules))).toEqual([
      "body: Expected at most 1000 keys (MAX_KEYS_PER_REQUEST)",
      notRead
    ])
    const id = (i: number) => `784f394c-42b6-435a-983c-${String(i).padStart(12, "0")}`
    expect(yield* errorsOf(ingest.bulk(`{${many(50_000, (i) => `"${id(i)}":{"k":${series}}`)}!`, rules))).toEqual([
      "body: Expected at most 1000 devices (MAX_DEVICES_PER_REQUEST)",
      notRead
    ])
    expect(yield* errorsOf(attributes.write(device, "server", `{${many(50_000, (i) => `"k${i}":1`)}!`, rules))).toEqual([
      "body: Expected at most 1000 attributes (MAX_KEYS_PER_REQUEST)",
      notRead
    ])
  })
)

effect("a large value is checked like a small one", () =>
  Effect.gen(function* () {
    const { ingest, sent } = yield* setUp()
    const upload = (value: string) => ingest.upload(device, `{"k":[${point(t0, value)}]}`, rules)
    const fields = many(20_000, (i) => `"f${i}":0`)
    const rejected = {
      [`{${fields},"f7":1}`]: "Expected each field only once",
      [`{${fields},"f":${"[".repeat(64)}${"]".repeat(64)}}`]: "Expected JSON of at most 64 levels",
      [`{${many(100_001, (i) => `"f${i}":0`)}}`]: "Expected objects of at most 100000 fields",
      [`"${"7".repeat(100_000)}"`]: "Expected text that ThingsBoard does not turn into a number; send a number, or numeric_text=convert",
      [`"${"x".repeat(100_000)}\\u0000"`]: "Expected text without NUL characters or lone surrogates",
      [`0.${"1".repeat(100_000)}`]: "Expected a number of fewer than 65536 characters"
    }
    for (const [value, issue] of Object.entries(rejected)) expect(yield* errorsOf(upload(value))).toEqual([`body.k[0].value: ${issue}`])
    expect(yield* errorsOf(upload(`{${fields},}`))).toEqual([expect.stringContaining("body: Expected valid JSON")])
    expect(sent).toEqual([])
    for (const value of [`{${fields}}`, `"${"x".repeat(100_000)}"`, `[${many(50_000, () => "[]")}]`]) {
      yield* upload(value)
      expect(sent.pop()).toBe(`[{"ts":${t0},"values":{"k":${value}}}]`)
    }
  })
)
