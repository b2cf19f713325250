/** During every fault of the table, a queued upload is acknowledged at once, and it is stored when the fault is over. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/effectTest.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { type Fault, faults } from "./faults.ts"
import { openPlant } from "./plant.ts"
import { type Kind, kinds } from "./requests.ts"

const upload: Kind = kinds.find(({ name }) => name === "upload")!

const run = Effect.fnUntraced(function* (fault: Fault) {
  const plant = yield* openPlant(fault.timeout, yield* temporaryFolder("fault"))
  yield* fault.begin(plant, upload)
  const { body, path } = upload.request(plant)
  const send = plant.call(path, { body, headers: { prefer: "respond-async" } })
  const first = yield* send
  expect([fault.name, first.status]).toEqual([fault.name, 202])
  // Delivery may have begun to fail; what is accepted meanwhile waits behind it.
  const second = yield* send
  expect([fault.name, second.status]).toEqual([fault.name, 202])
  plant.emulator.faults.clearFaults()
  fault.end?.(plant)
  for (const { json } of [first, second]) {
    let state: { readonly state: string }
    do {
      yield* Effect.sleep("10 millis")
      state = (yield* plant.call(`/api/v1/tb/ingest/${json.batch_id}`)).json
    } while (state.state === "waiting")
    expect([fault.name, state]).toMatchObject([fault.name, { state: "stored", points_waiting: 0 }])
  }
  expect([fault.name, upload.isStored!(plant)]).toEqual([fault.name, true])
}, Effect.scoped)

live(
  "a queued upload is acknowledged during each fault, and stored after it",
  () => Effect.forEach(faults, run, { concurrency: 6 }),
  120_000
)
