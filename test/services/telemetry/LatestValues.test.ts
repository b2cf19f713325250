import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { JsonValue } from "../../../src/emulator/values/Value.ts"
import { LatestValues } from "../../../src/services/telemetry/LatestValues.ts"
import type { DeviceSelection } from "../../../src/services/devices/DeviceSelection.ts"
import { entityQueryValue } from "../../../src/thingsboard/responses/entityQueryValue.ts"
import { live } from "../../support/effectTest.ts"
import { emulatedServices } from "../../support/emulatedServices.ts"

const ts = 1_700_000_000_000
const read = (selection: DeviceSelection, keys: ReadonlyArray<string>) =>
  Effect.flatMap(LatestValues, (service) => service.read(selection, keys))
const missing = "784f394c-42b6-435a-983c-b7beff2784f9"

describe("the latest values of many devices", () => {
  live("come by id in the requested order, with type and all digits, null for keys without a value", () =>
    Effect.gen(function* () {
      const { device, use } = yield* emulatedServices()
      const one = device("Hall", { a: [[ts, 9_007_199_254_740_993n]], b: [[ts, true]] })
      const two = device('The "roof"', { a: [[ts, 21.5]], c: [[ts, new JsonValue('{"x":[1.10]}')]] })
      const found = yield* use(read({ device_ids: [two, missing, one, two] }, ["a", "b", "c", "nope", "a"]))
      const point = (value: string) => `{"ts":${ts},"value":${value}}`
      expect(found.json).toBe(
        `{"${two}":{"device_name":"The \\"roof\\"","values":{"a":${point("21.5")},"b":null,"c":${point('{"x":[1.10]}')},"nope":null}},` +
          `"${one}":{"device_name":"Hall","values":{"a":${point("9007199254740993")},"b":${point("true")},"c":null,"nope":null}}}`
      )
      expect([found.keys, found.notFound]).toEqual([["a", "b", "c", "nope"], [missing]])
    })
  )

  live("take two calls for 1,500 devices, by type and by id", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const ids = Array.from({ length: 1500 }, (_, i) => device(`Meter ${i}`, { a: [[ts, BigInt(i)]] }, "meter"))
      device("Other", { a: [[ts, 0n]] })
      const byType = yield* use(read({ device_type: "meter" }, ["a"]))
      expect(Object.keys(JSON.parse(byType.json)).toSorted()).toEqual(ids.toSorted())
      expect(calls.other).toBe(2)
      const byId = yield* use(read({ device_ids: ids }, ["a"]))
      expect(Object.keys(JSON.parse(byId.json))).toEqual(ids)
      expect(calls.other).toBe(4)
    })
  )

  live("of a type with too many devices are refused after one call; more calls are made at the same time", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices({ settings: { maxDevicesPerRequest: 1499 } })
      const ids = Array.from({ length: 1500 }, (_, i) => device(`Meter ${i}`, {}, "meter"))
      const error = yield* use(Effect.flip(read({ device_type: "meter" }, ["a"])))
      expect(error).toMatchObject({ _tag: "InvalidInput", errors: [{ field: "device_type" }] })
      expect(calls.other).toBe(1)
      expect(Object.keys(JSON.parse((yield* use(read({ device_ids: ids }, ["a"]))).json)).length).toBe(1500)
    })
  )

  live("of many keys are requested in parts and joined", () =>
    Effect.gen(function* () {
      const { calls, device, use } = yield* emulatedServices()
      const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)
      const id = device("Meter", Object.fromEntries(keys.map((key, i) => [key, [[ts, BigInt(i)]]])))
      const { json } = yield* use(read({ device_ids: [id.toUpperCase()] }, keys))
      const values = (JSON.parse(json) as Record<string, { values: Record<string, { value: number }> }>)[id.toUpperCase()]!.values
      expect(Object.values(values).map(({ value }) => value)).toEqual(keys.map((_, i) => i))
      expect(calls.other).toBe(3)
    })
  )
})

test("types are inferred from text, and numbers are not reformatted", () => {
  const same = [
    "0",
    "-1",
    "21.5",
    "1.0E10",
    "-4.9E-324",
    "1e+20",
    "1.5e-07",
    "9223372036854775807",
    "-9223372036854775808",
    "true",
    "false",
    '{"a":1.10}',
    "[]"
  ]
  expect(same.map(entityQueryValue)).toEqual(same)
  const texts = [
    "",
    "007",
    "-0",
    "1.",
    ".5",
    "+1",
    "1e5",
    "1E5",
    "9223372036854775808",
    "NaN",
    "null",
    "True",
    "{oops",
    "[1,]",
    " 1",
    'a "b"\n'
  ]
  expect(texts.map(entityQueryValue)).toEqual(texts.map((text) => JSON.stringify(text)))
})
