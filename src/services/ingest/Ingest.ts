/** Uploads of telemetry as JSON. A body with any error is rejected as a whole; otherwise its values are stored digit for digit. */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../config/Settings.ts"
import type { EntityNotFound, InvalidInput } from "../../domain/Errors.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { saveTelemetry } from "../../thingsboard/requests/telemetry.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { type Batch, makeBatch } from "../../thingsboard/requests/telemetryBatches.ts"
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import { never, runAtOnce, type Steps } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { isUuid } from "../../domain/Ids.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"
import type { JsonReader } from "../../json/JsonReader.ts"
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

/** Rendered at once. */
const fewPoints = 500

/** The words of the FastAPI proxy. */
const noData = "No telemetry data provided"

const noPoints: PointsRead = { points: [], keys: [], rounded: 0, replaced: 0 }

function* readOne(body: JsonReader, rules: ValueRules, errors: FieldErrors, at: number): Steps<readonly [PointsRead, end: number]> {
  const reader = new PointReader(body, rules, errors)
  const [found = noPoints, end] = yield* reader.read(at, "body")
  if (!reader.hasData) errors.summary = noData
  return [found, end]
}

/** By device id as written in the body; ids that differ only in case are the same device. */
function* readMany(
  body: JsonReader,
  rules: ValueRules,
  errors: FieldErrors,
  at: number
): Steps<readonly [ReadonlyMap<string, PointsRead>, end: number]> {
  const byDevice = new Map<string, PointsRead>()
  const seen = new Set<string>()
  const reader = new PointReader(body, rules, errors)
  if (!body.isObject(at)) {
    errors.add("body", "Expected an object of device ids and their keys and points")
    return [byDevice, body.skip(at)]
  }
  const max = rules.limits?.maxDevices ?? Number.POSITIVE_INFINITY
  const fields = body.fields(at)
  while (fields.next()) {
    if (body.isTurnOver()) yield
    const id = fields.name
    if (!isUuid(id)) {
      errors.add(`body.${id}`, "Expected a device id (UUID)")
      reader.hasData = true
      fields.end = body.skip(fields.at)
      continue
    }
    if (seen.has(id.toLowerCase())) errors.add(`body.${id}`, "Expected each device only once")
    seen.add(id.toLowerCase())
    if (seen.size > max && body.isLarge) break
    const [found, end] = yield* reader.read(fields.at, `body.${id}`)
    if (found !== undefined) byDevice.set(id, found)
    fields.end = end
  }
  if (seen.size > max) errors.addFinal("body", `Expected at most ${max} devices (MAX_DEVICES_PER_REQUEST)`)
  if (byDevice.size === 0 && errors.isEmpty) errors.add("body", "Expected one or more devices")
  if (!reader.hasData) errors.summary = noData
  return [byDevice, fields.end]
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

      const store = (deviceId: string, points: ReadonlyArray<IncomingPoint>) =>
        access.guard(
          deviceId,
          Effect.suspend(() => (points.length === 0 ? Effect.succeed(0) : storeFrom(deviceId, points, 0, 0)))
        )

      const upload = Effect.fnUntraced(function* (deviceId: string, body: string | Uint8Array, rules: ValueRules) {
        const { keys, points, replaced, rounded } = yield* readBody(eventLoop, body, (json, errors, at) => readOne(json, rules, errors, at))
        yield* Effect.mapError(store(deviceId, points), rejectedAsInvalidInput)
        return { keys, points: points.length, warnings: uploadWarnings(rounded, replaced) }
      }, withServiceSpan("Ingest.upload"))

      const bulk = Effect.fnUntraced(function* (body: string | Uint8Array, rules: ValueRules) {
        const byDevice = yield* readBody(eventLoop, body, (json, errors, at) => readMany(json, rules, errors, at))
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
