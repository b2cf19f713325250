/** Uploads of telemetry as JSON. A body with any error is rejected as a whole; otherwise its values are stored digit for digit. */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import { type DeviceNameNotResolved, EntityNotFound, type InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { saveTelemetry } from "../../thingsboard/requests/telemetry.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { type Batch, makeBatch } from "../../thingsboard/requests/telemetryBatches.ts"
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import { never, runAtOnce, type Steps } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { hiddenAmongIds } from "../access/VisibleDevices.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import type { JsonReader } from "../../json/JsonReader.ts"
import { deviceIdsByName } from "../devices/DeviceSelection.ts"
import { noData, readDevices, resolveDevices } from "./bulkBody.ts"
import { type FutureTimes, futureWarning, lastExpectedTime } from "./futureTimes.ts"
import { type IncomingPoint, PointReader, type PointsRead } from "./PointReader.ts"
import { readBody } from "../validation/readBody.ts"
import { rejectedAsInvalidInput } from "../validation/rejectedAsInvalidInput.ts"
import { type ValueRules, uploadWarnings } from "../validation/values.ts"

export interface UploadResult {
  readonly keys: ReadonlyArray<string>
  readonly points: number
  readonly warnings: ReadonlyArray<string>
}

export interface DeviceUploadResult {
  /** The id or name of the device, as in the body. */
  readonly device: string
  /** Undefined if no device is known to have the name. */
  readonly deviceId: string | undefined
  readonly keys: ReadonlyArray<string>
  readonly points: number
  /** Why not all points were stored. */
  readonly failure: DeviceNameNotResolved | EntityNotFound | ThingsBoardError | undefined
}

export interface BulkUploadResult {
  readonly outcomes: ReadonlyArray<DeviceUploadResult>
  readonly warnings: ReadonlyArray<string>
}

/** Rendered at once. */
const fewPoints = 500

const noPoints: PointsRead = { points: [], keys: [], rounded: 0, replaced: 0 }

interface OneRead extends PointsRead {
  readonly future: FutureTimes
}

function* readOne(
  body: JsonReader,
  rules: ValueRules,
  errors: FieldErrors,
  at: number,
  lastExpected: number
): Steps<readonly [OneRead, end: number]> {
  const reader = new PointReader(body, rules, errors, lastExpected)
  const [found = noPoints, end] = yield* reader.read(at, "body")
  if (!reader.hasData) errors.summary = noData
  return [{ ...found, future: reader.future }, end]
}

export class Ingest extends Context.Service<
  Ingest,
  {
    /** Stores `{key: [{ts, value}]}`. Each point has its timestamp, so a retry is harmless. */
    readonly upload: (
      deviceId: string,
      body: string | Uint8Array,
      rules: ValueRules
    ) => Effect.Effect<UploadResult, EntityNotFound | InvalidInput | ThingsBoardError>
    /**
     * Stores `{device: {key: [{ts, value}]}}`, where the device is an id or a name: nothing if there is any error in the body or the names
     * cannot be looked up, otherwise each device independently.
     */
    readonly bulk: (body: string | Uint8Array, rules: ValueRules) => Effect.Effect<BulkUploadResult, InvalidInput | ThingsBoardError>
    /** Stores points that were already checked, in as few calls as possible, and returns how many of them ThingsBoard now has. */
    readonly store: (deviceId: string, points: ReadonlyArray<IncomingPoint>) => Effect.Effect<number, EntityNotFound | ThingsBoardError>
    /** Like `store`, for a device that the caller is known to see. */
    readonly storeVisible: (
      deviceId: string,
      points: ReadonlyArray<IncomingPoint>
    ) => Effect.Effect<number, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/ingest/Ingest") {
  static readonly layer = Layer.effect(
    Ingest,
    Effect.gen(function* () {
      const { tbConcurrency } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      const eventLoop = yield* EventLoop

      const batchFrom = (points: ReadonlyArray<IncomingPoint>, from: number): Effect.Effect<Batch> =>
        points.length < fewPoints
          ? Effect.succeed(runAtOnce(makeBatch(points, from, never)))
          : eventLoop.run(() => makeBatch(points, from, eventLoop.isTurnOver))

      /** Stores the points from `from` on, of which `stored` are stored already. */
      const storeFrom = (
        deviceId: string,
        points: ReadonlyArray<IncomingPoint>,
        from: number,
        stored: number
      ): Effect.Effect<number, EntityNotFound | ThingsBoardError> =>
        Effect.flatMap(batchFrom(points, from), ({ end, json, points: count }) => {
          const saved = forbiddenAsNotFound(saveTelemetry(thingsBoard, deviceId, json), "DEVICE", deviceId)
          return end < points.length
            ? Effect.andThen(
                saved,
                Effect.suspend(() => storeFrom(deviceId, points, end, stored + count))
              )
            : Effect.as(saved, stored + count)
        })

      const storeVisible = (deviceId: string, points: ReadonlyArray<IncomingPoint>) =>
        Effect.suspend(() => (points.length === 0 ? Effect.succeed(0) : storeFrom(deviceId, points, 0, 0)))

      const store = (deviceId: string, points: ReadonlyArray<IncomingPoint>) => access.guard(deviceId, storeVisible(deviceId, points))

      /** Why points of a device are not even sent: it is hidden, or it could not be found out whether it is. */
      const findObstacles = (deviceIds: ReadonlyArray<string>) =>
        Effect.match(hiddenAmongIds(thingsBoard, deviceIds), {
          onSuccess: (hidden) => {
            const ids = new Set(hidden)
            return (id: string) => (ids.has(id) ? new EntityNotFound({ entityType: "DEVICE", id }) : undefined)
          },
          onFailure: (error) => () => error
        })

      const upload = Effect.fnUntraced(function* (deviceId: string, body: string | Uint8Array, rules: ValueRules) {
        const last = yield* lastExpectedTime
        const { future, keys, points, replaced, rounded } = yield* readBody(eventLoop, body, (json, errors, at) =>
          readOne(json, rules, errors, at, last)
        )
        yield* Effect.mapError(store(deviceId, points), rejectedAsInvalidInput)
        return { keys, points: points.length, warnings: [...uploadWarnings(rounded, replaced), ...futureWarning(future, "point")] }
      }, withServiceSpan("Ingest.upload"))

      const bulk = Effect.fnUntraced(function* (body: string | Uint8Array, rules: ValueRules) {
        const last = yield* lastExpectedTime
        const { byDevice, future } = yield* readBody(eventLoop, body, (json, errors, at) => readDevices(json, rules, errors, at, last))
        const targets = yield* resolveDevices(deviceIdsByName(thingsBoard), [...byDevice.keys()])
        const obstacleOf = yield* findObstacles(targets.flatMap(({ deviceId }) => deviceId ?? []))
        const outcomes = yield* Effect.forEach(
          targets,
          ({ device, deviceId, issue }): Effect.Effect<DeviceUploadResult> => {
            const { keys, points } = byDevice.get(device)!
            const outcome = { device, deviceId, keys, points: 0 }
            if (issue !== undefined) return Effect.succeed({ ...outcome, failure: issue })
            const obstacle = obstacleOf(deviceId)
            if (obstacle !== undefined) return Effect.succeed({ ...outcome, failure: obstacle })
            return Effect.match(storeVisible(deviceId, points), {
              onSuccess: () => ({ ...outcome, points: points.length, failure: undefined }),
              onFailure: (failure) => ({ ...outcome, failure })
            })
          },
          { concurrency: tbConcurrency }
        )
        const total = (count: "rounded" | "replaced") => [...byDevice.values()].reduce((sum, read) => sum + read[count], 0)
        const warnings = [...uploadWarnings(total("rounded"), total("replaced")), ...futureWarning(future, "point")]
        return { outcomes, warnings }
      }, withServiceSpan("Ingest.bulk"))

      return { upload, bulk, store, storeVisible }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
