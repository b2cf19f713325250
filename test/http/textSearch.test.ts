/** A search finds the text as it is written: ThingsBoard takes it as a pattern of SQL's LIKE, in which `_`, `%` and `\` are special. */
import { expect } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

const names = ["sensor_1", "sensor-1", "100% humid", "1000 humid", "PLANT\\LINE1\\TEMP", "PLANT_LINE1_TEMP", "a\\%_b", "Ünit[1]*"]

const start = Effect.gen(function* () {
  const ids = names.map(() => crypto.randomUUID())
  const apiKeysFile = yield* writeKeyFile({ byId: { devices: { ids } } })
  const { call, emulator, tenant } = yield* gateway({ settings: { apiKeysFile } })
  const { directory } = emulator.store
  for (const [i, name] of names.entries()) {
    directory.createDevice({ id: ids[i]!, tenantId: tenant.tenantId, name, type: name, now: i })
    directory.createAsset({ tenantId: tenant.tenantId, name, type: name, now: i })
  }
  const search = (list: string, text: string, key?: string) =>
    Effect.map(
      call(`/api/v1/tb/${list}text_search=${encodeURIComponent(text)}&page_size=1000`, key === undefined ? {} : { key: keyOf(key) }),
      ({ json }) => json.data.map(({ name }: { readonly name: string }) => name).toSorted()
    )
  return { search }
})

const containing = (text: string) => names.filter((name) => name.toLowerCase().includes(text.toLowerCase())).toSorted()

const lists = ["devices?", "devices?active=false&", "assets?"]

live("each character of a search stands for itself, in every list and for restricted keys", () =>
  Effect.gen(function* () {
    const { search } = yield* start
    for (const text of ["_", "%", "\\", "sensor_1", "SENSOR_", "100%", "line1\\t", "\\%_", "[1]*", "r-1", "r\\_1", "%%", "\\\\"]) {
      for (const list of lists) expect([list, text, yield* search(list, text)]).toEqual([list, text, containing(text)])
      for (const list of lists.slice(0, 2)) expect([list, text, yield* search(list, text, "byId")]).toEqual([list, text, containing(text)])
    }
    // ThingsBoard names the profiles after the types.
    for (const list of ["device-types?", "asset-types?"]) expect(yield* search(list, "sensor_")).toEqual(["sensor_1"])
  })
)

live("any part of a name finds the name", () =>
  Effect.gen(function* () {
    const { search } = yield* start
    const parts = fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.nat(name.length - 1), fc.integer({ min: 1, max: 8 })).map(([at, length]) => name.slice(at, at + length)))
    for (const part of fc.sample(parts, { numRuns: 60, seed: 14 }))
      expect([part, yield* search("devices?", part)]).toEqual([part, containing(part)])
  })
)
