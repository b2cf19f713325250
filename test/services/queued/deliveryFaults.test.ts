/**
 * Whatever ThingsBoard rejects and whenever it fails, every queued point is stored or set aside in the end: the newest value of each time is
 * the one that was accepted last, what is set aside cannot be stored, and what is counted as stored is there.
 */
import { expect } from "bun:test"
import { Clock, Effect, Layer, Logger, Redacted } from "effect"
import { ApiKeys } from "../../../src/apikeys/ApiKeys.ts"
import { Settings, type SettingsShape } from "../../../src/config/Settings.ts"
import { EventLoop } from "../../../src/platform/EventLoop.ts"
import { GcPressure } from "../../../src/platform/GcPressure.ts"
import * as Runtime from "../../../src/platform/Runtime.ts"
import { DeviceAccess } from "../../../src/services/access/DeviceAccess.ts"
import { Import } from "../../../src/services/ingest/Import.ts"
import { Ingest } from "../../../src/services/ingest/Ingest.ts"
import * as Delivery from "../../../src/services/queued/Delivery.ts"
import { QueuedUploads } from "../../../src/services/queued/QueuedUploads.ts"
import { UploadSpool } from "../../../src/services/queued/UploadSpool.ts"
import {
  InvalidResponse,
  NotFound,
  Rejected,
  ThingsBoardError,
  Timeout,
  Unavailable
} from "../../../src/thingsboard/errors/ThingsBoardError.ts"
import { UserSessions } from "../../../src/thingsboard/UserSessions.ts"
import { live } from "../../support/effectTest.ts"
import { makeFastClock } from "../../support/movableClock.ts"
import { propertySeed } from "../../support/propertySeed.ts"
import { randomFrom } from "../../support/random.ts"
import { hasRedis, redisServer } from "../../support/redis.ts"
import { stubThingsBoard } from "../../support/stubThingsBoard.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"

const t0 = 1_700_000_000_000
const idOf = (n: number) => `784f394c-42b6-435a-983c-${String(n).padStart(12, "0")}`
const missingDevice = idOf(9)

const error = (reason: ThingsBoardError["reason"], status?: number) =>
  new ThingsBoardError({ reason, ...(status === undefined ? {} : { status }) })
const status500 = error(new Unavailable({ why: "status" }), 500)

/** Failures, and how much of the write is stored nevertheless. */
const faults: ReadonlyArray<readonly [ThingsBoardError, stored: "none" | "half" | "all"]> = [
  [status500, "half"],
  [status500, "all"],
  [error(new Unavailable({ why: "status" }), 503), "none"],
  [error(new Unavailable({ why: "broken" })), "all"],
  [error(new Timeout()), "half"],
  [error(new InvalidResponse(), 200), "none"]
]

/** A ThingsBoard that cannot store the values "bad400" and "bad500", does not know one device, and fails as the random numbers say. */
const thingsBoardOf = (random: () => number, failing: () => boolean) => {
  const held = new Map<string, string>()
  const overlaps: Array<string> = []
  const writing = new Set<string>()
  const post = (path: string, json: string | Uint8Array) =>
    Effect.gen(function* () {
      const device = path.split("/")[5]!
      if (writing.has(device)) overlaps.push(device)
      writing.add(device)
      yield* Effect.yieldNow
      writing.delete(device)
      const moments = JSON.parse(String(json)) as ReadonlyArray<{ readonly ts: number; readonly values: Record<string, string | number> }>
      const points = moments.flatMap(({ ts, values }) =>
        Object.entries(values).map(([key, value]) => [`${device} ${key} ${ts}`, String(value)] as const)
      )
      const save = (some: typeof points) => {
        if (device !== missingDevice) for (const [at, value] of some) if (!value.startsWith("bad")) held.set(at, value)
      }
      if (failing()) {
        const [failure, stored] = faults[Math.floor(random() * faults.length)]!
        if (stored !== "none") save(points.slice(0, stored === "all" ? points.length : points.length / 2))
        return yield* failure
      }
      if (device === missingDevice) return yield* error(new NotFound(), 404)
      if (points.some(([, value]) => value === "bad400")) return yield* error(new Rejected(), 400)
      if (points.some(([, value]) => value === "bad500")) {
        save(points.slice(0, random() * points.length))
        return yield* status500
      }
      save(points)
      return Buffer.alloc(0)
    })
  return { held, post, overlaps }
}

const key = { id: "key", devices: undefined, thingsBoard: undefined } as never

const setUp = Effect.fnUntraced(function* (post: ReturnType<typeof thingsBoardOf>["post"], settings: Partial<SettingsShape>) {
  const { clock } = yield* makeFastClock(5000)
  const layer = Delivery.layer.pipe(
    Layer.provideMerge(QueuedUploads.layer),
    Layer.provideMerge(UploadSpool.layer),
    Layer.provide(Import.layer),
    Layer.provide(Layer.mergeAll(Ingest.layer, DeviceAccess.layer, GcPressure.layer)),
    Layer.provide(EventLoop.layer),
    // Only asked for the device that is missing.
    Layer.provide(
      stubThingsBoard({ post, get: () => Effect.fail(new ThingsBoardError({ reason: new NotFound(), status: 404, errorCode: 32 })) })
    ),
    Layer.provide(Layer.succeed(UserSessions, { acquire: () => Effect.undefined })),
    Layer.provide(Layer.succeed(ApiKeys, { byId: () => key } as never)),
    Layer.provide(Layer.mergeAll(Settings.layerTest(settings), Runtime.layer)),
    Layer.provide(Layer.succeed(Clock.Clock, clock))
  )
  const context = yield* Layer.build(Layer.provide(layer, Logger.layer([])))
  return { uploads: yield* Effect.provide(QueuedUploads, context), spool: (yield* Effect.provide(UploadSpool, context)).spool! }
})

const inFolder = Effect.map(temporaryFolder("delivery"), (spoolDir) => ({ spoolDir }))
const inRedis = Effect.gen(function* () {
  const { start, url } = yield* redisServer
  yield* start
  return { spoolRedisUrl: Redacted.make(url) }
})

for (const [run, place] of [inFolder, inFolder, inFolder, ...(hasRedis ? [inRedis, inRedis] : [])].entries())
  live(
    `every queued point is stored or set aside (run ${run}${place === inRedis ? ", in Redis" : ""})`,
    () =>
      Effect.gen(function* () {
        const random = randomFrom(propertySeed + run)
        let isFailing = true
        const { held, overlaps, post } = thingsBoardOf(random, () => isFailing && random() < 0.3)
        const { spool, uploads } = yield* setUp(post, yield* place)
        const accepted: Array<{ readonly id: string; readonly device: string; readonly ts: number; readonly value: string }> = []
        for (let n = 0; n < 150; n++) {
          const devices = [0, 1, 2, 9].filter(() => random() < 0.4).map(idOf)
          if (devices.length === 0) continue
          const body: Record<string, Record<string, ReadonlyArray<{ ts: number; value: string }>>> = {}
          const points: Array<Omit<(typeof accepted)[number], "id">> = []
          for (const device of devices) {
            // Ten times only, so that many values are replaced.
            const ts = t0 + Math.floor(random() * 10)
            const value = random() < 0.05 ? (random() < 0.5 ? "bad400" : "bad500") : `v${n}`
            body[device] = { k: [{ ts, value }] }
            points.push({ device, ts, value })
          }
          const { batchId } = yield* uploads.bulk("key", JSON.stringify(body), { convertNumericText: false })
          for (const point of points) accepted.push({ id: batchId, ...point })
          if (random() < 0.1) yield* Effect.sleep("2 millis")
        }
        isFailing = false
        while ((yield* spool.waiting).entries > 0) yield* Effect.sleep("5 millis")

        const expected = new Map<string, string>()
        for (const { device, ts, value } of accepted)
          if (device !== missingDevice && !value.startsWith("bad")) expected.set(`${device} k ${ts}`, value)
        expect(new Map([...held].toSorted())).toEqual(new Map([...expected].toSorted()))
        expect(overlaps).toEqual([])
        for (const id of new Set(accepted.map((one) => one.id))) {
          const points = accepted.filter((one) => one.id === id)
          const { rejected, stored, ...batch } = (yield* spool.batch(id))!
          expect([batch.points, stored + rejected]).toEqual([points.length, points.length])
          const missing = points.filter(({ device }) => device === missingDevice).length
          const bad = points.filter(({ device, value }) => device !== missingDevice && value.startsWith("bad")).length
          // A bad value that a later one for the same time replaced was never sent, and counts as stored.
          expect(rejected).toBeGreaterThanOrEqual(missing)
          expect(rejected).toBeLessThanOrEqual(missing + bad)
        }
      }),
    120_000
  )
