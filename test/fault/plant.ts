/** A gateway in front of a ThingsBoard with two devices, over a link that can be cut. Waiting takes a twentieth of its time. */
import { Duration, Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { makeFastClock } from "../support/movableClock.ts"
import { tcpLink } from "../support/tcpLink.ts"

const t0 = 1_700_000_000_000

/** How much faster than with a real clock pauses pass. */
export const speed = 20

/** Two pages of a history: the first one has 2,000 points. */
const pointsPerDevice = 2100

export const openPlant = Effect.fnUntraced(function* (timeout: number, spoolDir?: string) {
  const link = yield* tcpLink
  const { clock, moveForward } = yield* makeFastClock(speed)
  const it = yield* gateway({
    clock,
    settings: { tbHost: link.url, tbTimeout: Duration.millis(timeout), spoolDir },
    untraced: true
  })
  const { emulator, tenant } = it
  link.forwardTo(emulator.url)
  const { directory, telemetry } = emulator.store
  const [device, other, bystander] = ["Meter", "Other", "Bystander"].map((name) => {
    const created = directory.createDevice({ tenantId: tenant.tenantId, name, type: "meter", now: 1 })
    telemetry.loadBulk(
      created,
      "a",
      Array.from({ length: pointsPerDevice }, (_, i) => ({ ts: t0 + i, value: i }))
    )
    return created
  })
  return { ...it, link, moveForward, device: device!, other: other!, bystander: bystander! }
})

export type Plant = Effect.Success<ReturnType<typeof openPlant>>
