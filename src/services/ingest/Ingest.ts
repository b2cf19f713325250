/** Telemetry on its way in as JSON: refused as a whole at the door, or stored digit for digit. */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { saveTelemetry } from "../../thingsboard/requests/telemetry.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { writeBatches } from "./batches.ts"
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
  /** Why nothing, or not all, was stored. */
  readonly failure: EntityNotFound | ThingsBoardError | undefined
}

export interface BulkUploadResult {
  readonly outcomes: ReadonlyArray<DeviceUploadResult>
  readonly warnings: ReadonlyArray<string>
}

const readOne = (body: JsonReader, rules: ValueRules, faults: FieldErrors): PointsRead => {
  let reading: PointsRead = { points: [], keys: [], rounded: 0, replaced: 0 }
  body.read((at) => new PointReader(body, rules, faults).read(at, "body", (found) => (reading = found)))
  return reading
}

/** By the id as it is spelt; an id in two spellings is one device. */
const readMany = (body: JsonReader, rules: ValueRules, faults: FieldErrors): ReadonlyMap<string, PointsRead> => {
  const readings = new Map<string, PointsRead>()
  const seen = new Set<string>()
  const reader = new PointReader(body, rules, faults)
  body.read((at) => {
    if (!body.isObject(at)) {
      faults.add("body", "Expected an object of device ids with their keys and points")
      return body.skip(at)
    }
    const end = body.members(at, (id, valueAt) => {
      if (!isUuid(id)) {
        faults.add(id, "Expected a device id (UUID)")
        return body.skip(valueAt)
      }
      if (seen.has(id.toLowerCase())) faults.add(id, "Expected each device only once")
      seen.add(id.toLowerCase())
      return reader.read(valueAt, id, (found) => readings.set(id, found))
    })
    const most = rules.bounds?.devices
    if (most !== undefined && seen.size > most) faults.add("body", `Expected at most ${most} devices (MAX_DEVICES_PER_REQUEST)`)
    if (readings.size === 0 && faults.isEmpty) faults.add("body", "Expected one or more devices")
    return end
  })
  return readings
}

export class Ingest extends Context.Service<
  Ingest,
  {
    /** Stores `{key: [{ts, value}]}`. Every point has its time, so that a retry is harmless. */
    readonly upload: (
      deviceId: string,
      body: string | Uint8Array,
      rules: ValueRules
    ) => Effect.Effect<UploadResult, EntityNotFound | InvalidInput | ThingsBoardError>
    /** Stores `{device: {key: [{ts, value}]}}`: nothing when anything is wrong with it, else each device on its own. */
    readonly bulk: (body: string | Uint8Array, rules: ValueRules) => Effect.Effect<BulkUploadResult, InvalidInput>
    /** Stores points that were checked before, in as few calls as their size allows, and says how many ThingsBoard now holds of them. */
    readonly store: (deviceId: string, points: ReadonlyArray<IncomingPoint>) => Effect.Effect<number, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/ingest/Ingest") {
  static readonly layer = Layer.effect(
    Ingest,
    Effect.gen(function* () {
      const { tbConcurrency } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess

      /** Suspended, since batches can be gone through once only, and a write may be tried again. */
      const store = (deviceId: string, points: ReadonlyArray<IncomingPoint>) =>
        access.guard(
          deviceId,
          Effect.suspend(() =>
            Effect.reduce(
              writeBatches(points),
              () => 0,
              (held, batch) =>
                Effect.as(forbiddenAsNotFound(saveTelemetry(thingsBoard, deviceId, batch.json), "DEVICE", deviceId), held + batch.points)
            )
          )
        )

      const upload = Effect.fnUntraced(function* (deviceId: string, body: string | Uint8Array, rules: ValueRules) {
        const faults = new FieldErrors()
        const { keys, points, replaced, rounded } = yield* readJson(new JsonReader(body), faults, (json) => readOne(json, rules, faults))
        yield* Effect.mapError(store(deviceId, points), rejectedAsInvalidInput)
        return { keys, points: points.length, warnings: uploadWarnings(rounded, replaced) }
      }, withServiceSpan("Ingest.upload"))

      const bulk = Effect.fnUntraced(function* (body: string | Uint8Array, rules: ValueRules) {
        const faults = new FieldErrors()
        const readings = yield* readJson(new JsonReader(body), faults, (json) => readMany(json, rules, faults))
        const outcomes = yield* Effect.forEach(
          readings,
          ([deviceId, { keys, points }]): Effect.Effect<DeviceUploadResult> =>
            Effect.match(store(deviceId, points), {
              onSuccess: () => ({ deviceId, keys, points: points.length, failure: undefined }),
              onFailure: (failure) => ({ deviceId, keys, points: 0, failure })
            }),
          { concurrency: tbConcurrency }
        )
        const total = (count: "rounded" | "replaced") => [...readings.values()].reduce((sum, reading) => sum + reading[count], 0)
        return { outcomes, warnings: uploadWarnings(total("rounded"), total("replaced")) }
      }, withServiceSpan("Ingest.bulk"))

      return { upload, bulk, store }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
