/** A key restricted to several types gets the same pages whether ThingsBoard sorts them or the gateway gathers all devices and sorts them itself. */
import { expect } from "bun:test"
import { Effect } from "effect"
import * as fc from "fast-check"
import { gateway } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { live } from "../support/effectTest.ts"
import { propertySeed } from "../support/propertySeed.ts"

const types = ["meter", "sensor"]

const anyDevice = fc.record({
  name: fc.string({ minLength: 1, maxLength: 5, unit: fc.constantFrom(..."abcABC12_-é ") }).filter((name) => name.trim() === name),
  label: fc.option(fc.constantFrom("hall", "Hall", "roof")),
  type: fc.constantFrom(...types, "hidden"),
  // Many devices are created at the same time.
  now: fc.integer({ min: 0, max: 5 }).map((n) => 1_700_000_000_000 + n)
})

const anyDevices = fc.uniqueArray(anyDevice, { selector: ({ name }) => name, minLength: 40, maxLength: 60 })

const anyQuery = fc.record(
  {
    page: fc.integer({ min: 0, max: 4 }),
    page_size: fc.constantFrom(1, 7, 20, 100),
    sort: fc.constantFrom("created_time", "name", "type", "label"),
    order: fc.constantFrom("ASC", "DESC"),
    text_search: fc.constantFrom("a", "hal", "_"),
    active: fc.constant("false")
  },
  { requiredKeys: ["page", "page_size"] }
)

const contentOf = ({
  json,
  status
}: {
  readonly json: { readonly data: unknown; readonly pagination: unknown }
  readonly status: number
}) => ({
  status,
  data: json.data,
  pagination: json.pagination
})

live(
  "any page is the same",
  () =>
    Effect.gen(function* () {
      const missing = "784f394c-42b6-435a-983c-000000000999"
      const apiKeysFile = yield* writeKeyFile({
        types: { devices: { types } },
        // ThingsBoard cannot page this one, which sees the same devices.
        typesAndId: { devices: { types, ids: [missing] } }
      })
      const it = yield* gateway({ settings: { apiKeysFile } })
      const [devices] = fc.sample(anyDevices, { seed: propertySeed, numRuns: 1 })
      for (const device of devices!) it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, ...device })
      const visible = devices!.filter(({ type }) => type !== "hidden").length
      const list = (key: string, query: object) =>
        Effect.runPromise(it.call(`/api/v1/tb/devices?${new URLSearchParams(query as Record<string, string>)}`, { key: keyOf(key) }))
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(anyQuery, async (query) => {
            const [one, other] = [await list("types", query), await list("typesAndId", query)]
            expect([query, one.status]).toEqual([query, 200])
            expect(contentOf(one)).toEqual(contentOf(other))
            if (query.text_search === undefined) expect(one.json.pagination.total_elements).toBe(visible)
          }),
          { numRuns: 150, seed: propertySeed }
        )
      )
      // Too far for ThingsBoard, whose positions have 32 bits.
      const far = { page: 2 ** 31 - 1, page_size: 100 }
      const [one, other] = yield* Effect.promise(() => Promise.all([list("types", far), list("typesAndId", far)]))
      expect(contentOf(one)).toEqual(contentOf(other))
    }),
  120_000
)
