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
import { never, runAtOnce } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { hiddenAmongIds } from "../access/VisibleDevices.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import { deviceIdsByName } from "../devices/DeviceSelection.ts"
import { resolveDevices } from "./bulkBody.ts"
import type { IncomingPoint } from "./PointReader.ts"
import { rejectedAsInvalidInput } from "../validation/rejectedAsInvalidInput.ts"
import type { ValueRules } from "../validation/values.ts"
import { readPoints, readPointsOfMany } from "./uploadBody.ts"

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
        const { keys, points, warnings } = yield* readPoints(eventLoop, body, rules)
        yield* Effect.mapError(store(deviceId, points), rejectedAsInvalidInput)
        return { keys, points: points.length, warnings }
      }, withServiceSpan("Ingest.upload"))

      const bulk = Effect.fnUntraced(function* (body: string | Uint8Array, rules: ValueRules) {
        const { byDevice, warnings } = yield* readPointsOfMany(eventLoop, body, rules)
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
        return { outcomes, warnings }
      }, withServiceSpan("Ingest.bulk"))

      return { upload, bulk, store, storeVisible }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
