import { expect, test } from "bun:test"
import { Schema } from "effect"
import { EntityData } from "../../../src/thingsboard/api/EntityQueries.ts"
import { isEntity } from "../../../src/thingsboard/requests/entityQueries.ts"

const isDescribed = Schema.is(EntityData)

const entity = {
  entityId: { entityType: "DEVICE", id: "784f394c-42b6-435a-983c-b7beff2784f9" },
  latest: { ENTITY_FIELD: { name: { ts: 1_700_000_000_000, value: "Pump" } }, TIME_SERIES: { flow: { ts: 0, value: "" } } }
}

/** The JSON with one of its parts replaced, for each part. */
const variants = function* (json: unknown, others: ReadonlyArray<unknown>): Generator<unknown> {
  yield* others
  if (typeof json !== "object" || json === null) return
  for (const [name, part] of Object.entries(json)) {
    for (const variant of variants(part, others)) yield { ...json, [name]: variant }
    const { [name as never]: _, ...rest } = json
    yield rest
  }
}

test("an entity is recognized exactly if the schema describes it", () => {
  expect([isEntity(entity), isEntity({ ...entity, timeseries: {}, aggLatest: {} })]).toEqual([true, true])
  const others = [undefined, null, true, 1, 1.5, 2 ** 53, Number.NaN, "text", [], ["text"], {}, { ts: 1, value: "1" }, { ts: 1 }]
  const all = [...variants(entity, others)]
  const recognized = all.filter(isEntity)
  expect([all.length > 150, recognized.length > 5, recognized.length < all.length]).toEqual([true, true, true])
  for (const json of all) expect([JSON.stringify(json), isEntity(json)]).toEqual([JSON.stringify(json), isDescribed(json)])
})
