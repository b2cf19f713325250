import { expect } from "bun:test"
import { Effect } from "effect"
import { DeviceNames } from "../../../src/services/ingest/DeviceNames.ts"
import { effect } from "../../support/effectTest.ts"

effect("a name is looked up among the loaded devices, and an unknown one rejects its row", () =>
  Effect.gen(function* () {
    const names = new DeviceNames(Effect.succeed(new Map([["Pump", "id of pump"]])))
    expect(names.isLoaded).toBe(false)
    yield* names.load()
    expect(names.isLoaded).toBe(true)
    expect(names.idOf("Pump")).toBe("id of pump")
    expect(() => names.idOf("pump")).toThrow("device_name: no device has this name")
  })
)

effect("with too many devices to know all names, no name is found, rather than some", () =>
  Effect.gen(function* () {
    const names = new DeviceNames(Effect.void as Effect.Effect<undefined>)
    yield* names.load()
    expect(names.isLoaded).toBe(true)
    expect(() => names.idOf("Pump")).toThrow("device_name: there are more than 100,000 devices; use device_id instead")
  })
)

effect("a name that several devices have stands for none of them", () =>
  Effect.gen(function* () {
    const names = new DeviceNames(Effect.succeed(new Map([["Pump", "ambiguous"]])))
    yield* names.load()
    expect(names.find("Pump")).toEqual({ issue: "ambiguous" })
    expect(() => names.idOf("Pump")).toThrow("device_name: several devices have this name; use device_id instead")
  })
)
