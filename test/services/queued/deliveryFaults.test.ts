/**
 * Whatever ThingsBoard rejects and whenever it fails, every queued point is stored or set aside in the end: the newest value of each time is
 * the one that was accepted last, what is set aside cannot be stored, and what is counted as stored is there. Points are set aside for a 500
 * only when there is evidence that ThingsBoard stores others.
 */
import { expect } from "bun:test"
import { Clock, Duration, Effect, Layer, Logger, Redacted } from "effect"
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
import type { SpoolError } from "../../../src/spool/errors.ts"
import type { BatchState } from "../../../src/spool/model.ts"
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

type Post = ReturnType<typeof thingsBoardOf>["post"]

/** The key "other" has a ThingsBoard user of its own. */
const keyOf = (id: string) =>
  ({ id, devices: undefined, thingsBoard: id === "other" ? { username: "other", password: Redacted.make("") } : undefined }) as never

const deviceAt = (path: string) =>
  Effect.succeed(Buffer.from(JSON.stringify({ id: { id: path.split("/").at(-1) }, name: "Boiler", type: "boiler" })))
const notFound = new ThingsBoardError({ reason: new NotFound(), status: 404, errorCode: 32 })

const setUp = Effect.fnUntraced(function* (post: Post, settings: Partial<SettingsShape>, canRead: () => boolean = () => true) {
  const { clock, moveForward } = yield* makeFastClock(5000)
  const layer = Delivery.layer.pipe(
    Layer.provideMerge(QueuedUploads.layer),
    Layer.provideMerge(UploadSpool.layer),
    Layer.provide(Import.layer),
    Layer.provide(Layer.mergeAll(Ingest.layer, DeviceAccess.layer, GcPressure.layer)),
    Layer.provide(EventLoop.layer),
    // Only asked whether a device is missing.
    Layer.provide(
      stubThingsBoard({
        post,
        get: (path) =>
          path.includes(missingDevice) ? Effect.fail(notFound) : canRead() ? deviceAt(path) : Effect.fail(error(new Timeout()))
      })
    ),
    Layer.provide(Layer.succeed(UserSessions, { acquire: () => Effect.undefined })),
    Layer.provide(Layer.succeed(ApiKeys, { byId: keyOf } as never)),
    Layer.provide(Layer.mergeAll(Settings.layerTest(settings), Runtime.layer)),
    Layer.provide(Layer.succeed(Clock.Clock, clock))
  )
  const context = yield* Layer.build(Layer.provide(layer, Logger.layer([])))
  const uploads = yield* Effect.provide(QueuedUploads, context)
  /** Accepts one point, and returns the state of its batch. */
  const upload = (device: string, value: string, key = "key") =>
    Effect.map(uploads.bulk(key, JSON.stringify({ [device]: { k: [{ ts: t0, value }] } }), { convertNumericText: false }), ({ batchId }) =>
      Effect.map(spool.batch(batchId), (found) => found!)
    )
  const { spool: opened } = yield* Effect.provide(UploadSpool, context)
  const spool = opened!
  return { moveForward, spool, upload, uploads }
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
        // The last point may be one that fails with 500: nothing but its age then shows that it is the reason.
        const { spool, uploads } = yield* setUp(post, { ...(yield* place), spoolMaxAge: Duration.seconds(20) })
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

/** Stores all but "bad500", and counts the writes of a device. */
const counting = (device: string) => {
  const { post } = thingsBoardOf(randomFrom(propertySeed), () => false)
  let attempts = 0
  const counted: Post = (path, json) => {
    if (path.includes(device)) attempts++
    return post(path, json)
  }
  return { attemptsOf: () => attempts, post: counted }
}

/** Moves the clock until a condition holds: pauses after failures are half a minute at most. */
const advanceUntil = Effect.fnUntraced(function* (
  moveForward: (by: Duration.Input) => void,
  isReached: Effect.Effect<boolean, SpoolError>
) {
  while (!(yield* isReached)) {
    moveForward("30 seconds")
    yield* Effect.sleep("2 millis")
  }
})

const isFinished = (batch: Effect.Effect<BatchState, SpoolError>) => Effect.map(batch, ({ finishedAt }) => finishedAt !== undefined)

live("a point is set aside for a 500 when others are stored for its ThingsBoard user, and for nothing else", () =>
  Effect.gen(function* () {
    const { attemptsOf, post } = counting(idOf(0))
    const { moveForward, upload } = yield* setUp(post, yield* inFolder)
    const bad = yield* upload(idOf(0), "bad500")
    const missing = yield* upload(missingDevice, "v1")
    const other = yield* upload(idOf(1), "v1", "other")
    yield* advanceUntil(
      moveForward,
      Effect.sync(() => attemptsOf() > 30)
    )
    expect([(yield* missing).rejected, (yield* other).stored]).toEqual([1, 1])
    expect(yield* bad).toMatchObject({ rejected: 0, stored: 0, finishedAt: undefined })

    const good = yield* upload(idOf(2), "v1", "another key of the same user")
    yield* advanceUntil(moveForward, isFinished(bad))
    expect([(yield* good).stored, (yield* bad).rejected]).toEqual([1, 1])
  })
)

live("points that fail with 500, and are all that waits, are set aside after SPOOL_MAX_AGE if ThingsBoard responds", () =>
  Effect.gen(function* () {
    let canRead = false
    const { attemptsOf, post } = counting(idOf(0))
    const spoolMaxAge = Duration.hours(10)
    const { moveForward, spool, upload } = yield* setUp(post, { ...(yield* inFolder), spoolMaxAge }, () => canRead)
    const bad = yield* upload(idOf(0), "bad500")
    yield* advanceUntil(
      moveForward,
      Effect.sync(() => attemptsOf() > 10)
    )
    canRead = true
    yield* advanceUntil(
      moveForward,
      Effect.sync(() => attemptsOf() > 20)
    )
    expect((yield* spool.waiting).age).toBeLessThan(Duration.toMillis(spoolMaxAge))
    expect((yield* bad).finishedAt).toBeUndefined()

    canRead = false
    moveForward(spoolMaxAge)
    const before = attemptsOf()
    yield* advanceUntil(
      moveForward,
      Effect.sync(() => attemptsOf() > before + 10)
    )
    expect((yield* bad).finishedAt).toBeUndefined()

    canRead = true
    yield* advanceUntil(moveForward, isFinished(bad))
    expect(yield* bad).toMatchObject({ rejected: 1, stored: 0 })
    const good = yield* upload(idOf(0), "v1")
    yield* advanceUntil(moveForward, isFinished(good))
    expect(yield* good).toMatchObject({ stored: 1 })
  })
)
