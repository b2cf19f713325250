import { Effect } from "effect"
import { Devices } from "../services/devices/Devices.ts"
import { CheckFailure } from "./Check.ts"

export const checkDevices = Effect.gen(function* () {
  const devices = yield* Devices
  const page = yield* devices
    .list({ page: 0, pageSize: 1 })
    .pipe(
      Effect.mapError(
        (error) => new CheckFailure({ detail: `cannot list devices: ${error.message}`, hint: "Check that this user may read devices." })
      )
    )
  if (page.totalElements === 0) {
    return yield* new CheckFailure({
      detail: "no devices",
      hint: "This user sees no devices. Check that devices are assigned to the customer, and that it is the right tenant."
    })
  }
  return page.totalElements === 1 ? "one device" : `${page.totalElements} devices`
})
