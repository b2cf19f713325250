/** Uploads of telemetry as JSON. A body with any error is rejected as a whole; otherwise its values are stored digit for digit. */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { saveTelemetry } from "../../thingsboard/requests/telemetry.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { writeBatches } from "../../thingsboard/requests/telemetryBatches.ts"
import { FieldErrors } from "../../domain/FieldErrors.ts"
import { isUuid } from "../../domain/Ids.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import { JsonReader, readJson } from "../../json/JsonReader.ts"
import { type IncomingPoint, PointReader, type PointsRead } from "./PointReader.ts"
import { rejectedAsInvalidInput } from "../validation/rejectedAsInvalidInput.ts"
import { type ValueRules, uploadWarnings } from "../validation/values.ts"

export interface UploadResult {
  readonly keys: ReadonlyArray<string>
  readonly points: number
  readonly warnings: ReadonlyArray<string>
}

export interface DeviceUploadResult {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  readonly points: number
  /** Why not all points were stored. */
  readonly failure: EntityNotFound | ThingsBoardError | undefined
}

export interface BulkUploadResult {
  readonly outcomes: ReadonlyArray<DeviceUploadResult>
  readonly warnings: ReadonlyArray<string>
}

const readOne = (body: JsonReader, rules: ValueRules, errors: FieldErrors): PointsRead => {
  let found: PointsRead = { points: [], keys: [], rounded: 0, replaced: 0 }
  body.read((at) => new PointReader(body, rules, errors).read(at, "body", (points) => (found = points)))
  return found
}

/** By device id as written in the body; ids that differ only in case are the same device. */
const readMany = (body: JsonReader, rules: ValueRules, errors: FieldErrors): ReadonlyMap<string, PointsRead> => {
  const byDevice = new Map<string, PointsRead>()
  const seen = new Set<string>()
  const reader = new PointReader(body, rules, errors)
  body.read((at) => {
    if (!body.isObject(at)) {
      errors.add("body", "Expected an object of device ids and their keys and points")
      return body.skip(at)
    }
    const end = body.readFields(at, (id, valueAt) => {
      if (!isUuid(id)) {
        errors.add(id, "Expected a device id (UUID)")
        return body.skip(valueAt)
      }
      if (seen.has(id.toLowerCase())) errors.add(id, "Expected each device only once")
      seen.add(id.toLowerCase())
      return reader.read(valueAt, id, (found) => byDevice.set(id, found))
    })
    const max = rules.limits?.maxDevices
    if (max !== undefined && seen.size > max) errors.add("body", `Expected at most ${max} devices (MAX_DEVICES_PER_REQUEST)`)
    if (byDevice.size === 0 && errors.isEmpty) errors.add("body", "Expected one or more devices")
    return end
  })
  return byDevice
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
    /** Stores `{device: {key: [{ts, value}]}}`: nothing if there is any error in the body, otherwise each device independently. */
    readonly bulk: (body: string | Uint8Array, rules: ValueRules) => Effect.Effect<BulkUploadResult, InvalidInput>
    /** Stores points that were already checked, in as few calls as possible, and returns how many of them ThingsBoard now has. */
    readonly store: (deviceId: string, points: ReadonlyArray<IncomingPoint>) => Effect.Effect<number, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/ingest/Ingest") {
  static readonly layer = Layer.effect(
    Ingest,
    Effect.gen(function* () {
      const { tbConcurrency } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess

      /** Suspended, because the generator of batches can be used only once, and the write may be retried. */
      const store = (deviceId: string, points: ReadonlyArray<IncomingPoint>) =>
        access.guard(
          deviceId,
          Effect.suspend(() =>
            Effect.reduce(
              writeBatches(points),
              () => 0,
              (storedPoints, batch) =>
                Effect.as(
                  forbiddenAsNotFound(saveTelemetry(thingsBoard, deviceId, batch.json), "DEVICE", deviceId),
                  storedPoints + batch.points
                )
            )
          )
        )

      const upload = Effect.fnUntraced(function* (deviceId: string, body: string | Uint8Array, rules: ValueRules) {
        const errors = new FieldErrors()
        const { keys, points, replaced, rounded } = yield* readJson(new JsonReader(body), errors, (json) => readOne(json, rules, errors))
        yield* Effect.mapError(store(deviceId, points), rejectedAsInvalidInput)
        return { keys, points: points.length, warnings: uploadWarnings(rounded, replaced) }
      }, withServiceSpan("Ingest.upload"))

      const bulk = Effect.fnUntraced(function* (body: string | Uint8Array, rules: ValueRules) {
        const errors = new FieldErrors()
        const byDevice = yield* readJson(new JsonReader(body), errors, (json) => readMany(json, rules, errors))
        const outcomes = yield* Effect.forEach(
          byDevice,
          ([deviceId, { keys, points }]): Effect.Effect<DeviceUploadResult> =>
            Effect.match(store(deviceId, points), {
              onSuccess: () => ({ deviceId, keys, points: points.length, failure: undefined }),
              onFailure: (failure) => ({ deviceId, keys, points: 0, failure })
            }),
          { concurrency: tbConcurrency }
        )
        const total = (count: "rounded" | "replaced") => [...byDevice.values()].reduce((sum, read) => sum + read[count], 0)
        return { outcomes, warnings: uploadWarnings(total("rounded"), total("replaced")) }
      }, withServiceSpan("Ingest.bulk"))

      return { upload, bulk, store }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
