/**
 * Every fault of ThingsBoard with every kind of request, as documented in docs/failures.md. A new fault is a row of `faults.ts` and of that
 * table; a new kind of request is an entry of `requests.ts`. `FAULT=<text>` runs only the faults whose names contain the text.
 */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { live } from "../support/effectTest.ts"
import { runCell } from "./cell.ts"
import { elsewhere } from "./elsewhere.ts"
import { columns, isExpected, table } from "./expected.ts"
import { type Fault, faults } from "./faults.ts"
import { runQueuedCell } from "./queuedCell.ts"
import { type Kind, kinds } from "./requests.ts"

const { FAULT = "" } = process.env
const selected = faults.filter(({ name }) => name.includes(FAULT))

/** Enough to keep the processor busy while calls hang, and few enough that the others do not miss their timeout. */
const concurrency = 6

/** The cell as documented, or as it is if it differs from that. */
const compare = (fault: Fault, kind: Kind): Effect.Effect<readonly [kind: string, result: string], unknown> =>
  Effect.map(kind.isQueued === true ? runQueuedCell(fault, kind) : runCell(fault, kind), ({ calls, response }) => {
    const {
      calls: [min, max],
      response: expected
    } = table.rows.get(fault.name)!.get(kind.name)!
    const isAsDocumented = isExpected(expected, response) && calls >= min && calls <= max
    return [kind.name, isAsDocumented ? "as documented" : `${response} (${calls})`] as const
  }).pipe(Effect.scoped)

const descriptors = () => readdirSync("/proc/self/fd").length

const measure = Effect.sync(() => {
  Bun.gc(true)
  return { descriptors: descriptors(), megabytes: process.memoryUsage().rss / 2 ** 20 }
})

test("the documented table has every fault and every kind of request, in this order", () => {
  expect([...table.rows.keys()]).toEqual(faults.map(({ name }) => name))
  expect(table.names).toEqual(Object.keys(columns))
  expect(Object.values(columns).flat()).toEqual(kinds.map(({ name }) => name))
})

test.each(elsewhere)("%s has a test of its own", (_, file, name) => {
  expect(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8")).toContain(name)
})

let before: { readonly descriptors: number; readonly megabytes: number } | undefined

for (const fault of selected)
  live(
    fault.name,
    () =>
      Effect.gen(function* () {
        const cells = yield* Effect.forEach(kinds, (kind) => compare(fault, kind), {
          concurrency: fault.isBrief === true ? 1 : concurrency
        })
        expect(Object.fromEntries(cells)).toEqual(Object.fromEntries(kinds.map(({ name }) => [name, "as documented"])))
        // The first fault loads and compiles the code.
        before ??= yield* measure
      }),
    120_000
  )

live("no connection is left open, and no memory is kept", () =>
  Effect.gen(function* () {
    const after = yield* measure
    expect(after.descriptors).toBeLessThanOrEqual(before!.descriptors + 10)
    expect(after.megabytes - before!.megabytes).toBeLessThan(120)
  })
)
