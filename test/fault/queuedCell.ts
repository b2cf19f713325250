/**
 * A cell of the column "queued": an upload that is acknowledged before it is stored. Another one for the same time follows while the first may
 * wait. The fault lasts until the first is stored or until an attempt has failed (or a second one has begun), and whatever it was, both are stored after it.
 */
import { expect } from "bun:test"
import { Effect } from "effect"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { requestOfOthers, send } from "./cell.ts"
import type { Fault } from "./faults.ts"
import { openPlant, type Plant } from "./plant.ts"
import { type Kind, uploadOf } from "./requests.ts"

const upload = Effect.fnUntraced(function* (plant: Plant, value: number) {
  const { status, text } = yield* send(plant, uploadOf(plant, value, { prefer: "respond-async" }))
  return { status, id: status === 202 ? (JSON.parse(text).batch_id as string) : undefined }
})

const hasAttemptFailed = ({ logs }: Plant) => logs.some((line) => line.includes("Queued uploads wait"))

const callsOf = (plant: Plant, kind: Kind) => plant.emulator.faults.calls(kind.calls(plant)).length

/** The state of an upload, once it is finished or `stop` holds. */
const awaitBatch = Effect.fnUntraced(function* (plant: Plant, id: string | undefined, stop = () => false) {
  for (;;) {
    const isStopped = stop()
    const { json: batch } = yield* plant.call(`/api/v1/tb/ingest/${id}`)
    if (batch.state !== "waiting" || isStopped) return batch
    yield* Effect.sleep("5 millis")
  }
})

const stored = { state: "stored", total_data_points: 1, points_stored: 1, points_rejected: 0, points_waiting: 0 }

/** What the gateway reports, whether the points are stored before the fault ends or after it, and the calls until then. */
export const runQueuedCell = Effect.fnUntraced(function* (fault: Fault, kind: Kind) {
  const plant = yield* openPlant(fault.timeout, yield* temporaryFolder("fault"))
  const { device, emulator } = plant
  const others = yield* requestOfOthers(plant, fault)
  emulator.faults.clearCalls()
  yield* fault.begin(plant, kind)
  const [first] = yield* Effect.all([upload(plant, 1), others], { concurrency: 2 })
  const { state } = yield* awaitBatch(plant, first.id, () => fault.lasts === true && (hasAttemptFailed(plant) || callsOf(plant, kind) > 1))
  const callsBefore = callsOf(plant, kind)
  const second = yield* upload(plant, 2)
  expect([kind.name, "second upload", second.status]).toEqual([kind.name, "second upload", first.status])

  emulator.faults.clearFaults()
  fault.end?.(plant)
  const batches = [yield* awaitBatch(plant, first.id)]
  const callsAfter = callsOf(plant, kind)
  batches.push(yield* awaitBatch(plant, second.id))
  expect(batches).toMatchObject([stored, stored])
  const points = emulator.store.telemetry.history(device, "written", { startTs: 0, endTs: 2 ** 50, limit: 10, descending: false })
  expect(points.map(({ value }) => String(value))).toEqual(["2"])

  return state === "stored"
    ? { response: `${first.status}, stored`, calls: callsBefore }
    : { response: `${first.status}, stored after it`, calls: callsAfter }
})
