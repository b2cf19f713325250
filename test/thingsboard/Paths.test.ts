import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import * as Paths from "../../src/thingsboard/Paths.ts"

const id = "784f394c-42b6-435a-983c-b7beff2784f9"

describe("ids", () => {
  const makers = {
    devicePath: Paths.devicePath,
    assetPath: Paths.assetPath,
    keysPath: Paths.telemetryKeysPath,
    latestPath: (given: string) => Paths.latestPath(given, ["a"]),
    historyPath: (deviceId: string) => Paths.historyPath({ deviceId, keys: ["a"], start: 0, end: 1 }),
    saveTelemetryPath: Paths.saveTelemetryPath,
    attributesPath: (given: string) => Paths.attributesPath(given, "SERVER_SCOPE"),
    saveAttributesPath: (given: string) => Paths.saveAttributesPath(given, "SERVER_SCOPE")
  }

  test.each(Object.entries(makers))("%s takes nothing but UUIDs", (_, make) => {
    expect(make(id)).toContain(id)
    for (const wrong of ["", "..", "../../tenant", `${id}/../x`, `${id}?a=1`, `${id}\n`, `${id} `, "%2e%2e", id.slice(1)])
      expect(() => make(wrong)).toThrow()
    fc.assert(fc.property(fc.string(), (wrong) => expect(() => make(wrong)).toThrow()))
  })
})

describe("keys", () => {
  test("are separated by commas, or each has a parameter if one contains a comma", () => {
    expect(Paths.keysParameter(["a", "b c"])).toBe("keys=a,b%20c")
    expect(Paths.keysParameter(["a", "b,c"])).toBe("key=a&key=b%2Cc")
  })

  test("stay within their parameter, whatever they contain", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", minLength: 1 }), { minLength: 1 }), (keys) => {
        const { pathname, searchParams } = new URL(`http://thingsboard${Paths.latestPath(id, keys)}`)
        expect(pathname).toBe(`/api/plugins/telemetry/DEVICE/${id}/values/timeseries`)
        const expected = keys.map((key) => key.toWellFormed())
        if (Paths.needsRepeatedKey(keys)) expect(searchParams.getAll("key")).toEqual(expected)
        else expect(searchParams.get("keys")).toBe(expected.join(","))
        expect(searchParams.getAll("useStrictDataTypes")).toEqual(["true"])
      })
    )
  })

  test("may contain a lone surrogate", () => {
    expect(Paths.latestPath(id, ["\ud800"])).toContain("keys=%EF%BF%BD&")
  })
})

test("a path names no more keys than fit in ThingsBoard's 8 KiB together with the headers", () => {
  const keys = Array.from({ length: 100 }, (_, i) => `key${i}`.padEnd(50, "-"))
  expect([Paths.fitInPath(keys), Paths.fitInPath([...keys, ...keys])]).toEqual([true, false])
  expect(Paths.attributesPath(id, "SHARED_SCOPE", keys).length).toBeLessThan(6200)
  expect(Paths.attributesPath(id, "SHARED_SCOPE", [...keys, ...keys])).toEndWith("SHARED_SCOPE")
})

test("a key with a comma requests all attributes", () => {
  expect(Paths.attributesPath(id, "SHARED_SCOPE", ["a", "b"])).toBe(
    `/api/plugins/telemetry/DEVICE/${id}/values/attributes/SHARED_SCOPE?keys=a,b`
  )
  expect(Paths.attributesPath(id, "SHARED_SCOPE", ["a,b"])).toBe(`/api/plugins/telemetry/DEVICE/${id}/values/attributes/SHARED_SCOPE`)
})
