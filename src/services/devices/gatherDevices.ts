/**
 * All devices that a restricted caller may see, for lists that ThingsBoard cannot page. They are gathered for the first page and kept for
 * those that follow: otherwise a client that reads all pages would have all devices gathered for each of them.
 */
import { Effect } from "effect"
import type { Visibility } from "../../domain/Visibility.ts"
import { CurrentExchange } from "../../platform/Exchange.ts"
import { currentMonotonicMillis } from "../../platform/monotonicTime.ts"
import { CurrentThingsBoard, type ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { filterActive } from "../../thingsboard/requests/deviceQueries.ts"
import type { DeviceFields } from "../../thingsboard/requests/devices.ts"
import { listVisibleDevices } from "../access/VisibleDevices.ts"

export interface Gathered {
  readonly devices: ReadonlyArray<DeviceFields>
  /** The ids of those that are connected. */
  readonly connected: Effect.Effect<ReadonlySet<string>, ThingsBoardError>
}

/** The devices for a page, by its number. Only pages after the first may get what was gathered before. */
export type Gather = (visibility: Visibility, page: number) => Effect.Effect<Gathered, ThingsBoardError>

/** Ms. */
const lifetime = 10_000
/** Limits the memory: devices of all callers together, about 300 bytes each. */
const maxKept = 100_000

interface Kept extends Gathered {
  /** The user and the restriction of the caller: nothing of it may reach another. */
  readonly acting: ThingsBoardShape
  readonly visibility: Visibility
  readonly gatheredAt: number
}

/** Without `isCaching` (CACHE_TTL=0), nothing is kept. */
export const makeGather = (gateway: ThingsBoardShape, isCaching: boolean): Gather => {
  let kept: ReadonlyArray<Kept> = []

  const keep = (entry: Kept, now: number) => {
    const others = kept.filter((one) => isFresh(one, now) && !(one.acting === entry.acting && one.visibility === entry.visibility))
    let devices = 0
    // The latest first.
    kept = [entry, ...others].filter((one) => (devices += one.devices.length) <= maxKept)
  }

  return (visibility, page) =>
    Effect.withFiber((fiber) => {
      const acting = fiber.getRef(CurrentThingsBoard) ?? gateway
      const mayBeOlder = page > 0 && fiber.getRef(CurrentExchange)?.dataRules.maxAge !== 0
      return Effect.gen(function* () {
        const now = yield* currentMonotonicMillis
        const known = kept.find((one) => one.acting === acting && one.visibility === visibility)
        if (mayBeOlder && known !== undefined && isFresh(known, now)) return known
        const devices = yield* listVisibleDevices(gateway, visibility)
        let found: ReadonlySet<string> | undefined
        const ids = devices.map(({ id }) => id)
        const connected = Effect.suspend(() =>
          found === undefined ? Effect.tap(filterActive(gateway, ids), (ids) => Effect.sync(() => (found = ids))) : Effect.succeed(found)
        )
        const entry: Kept = { acting, visibility, devices, connected, gatheredAt: now }
        if (isCaching) keep(entry, now)
        return entry
      })
    })
}

const isFresh = ({ gatheredAt }: Kept, now: number) => now < gatheredAt + lifetime
