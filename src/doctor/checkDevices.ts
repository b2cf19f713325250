import { Effect } from "effect"
import { Devices } from "../services/devices/Devices.ts"
import { CheckFailure } from "./Check.ts"

export const checkDevices = Effect.gen(function* () {
  const devices = yield* Devices
  const page = yield* devices
    .list({ page: 0, pageSize: 1 })
    .pipe(
      Effect.mapError((error) => new CheckFailure({ detail: `no list of devices: ${error.message}`, hint: "May this user read devices?" }))
    )
  if (page.totalElements === 0) {
    return yield* new CheckFailure({
      detail: "no devices",
      hint: "This user sees none: are devices assigned to the customer, or is it another tenant?"
    })
  }
  return page.totalElements === 1 ? "one device" : `${page.totalElements} devices`
})
