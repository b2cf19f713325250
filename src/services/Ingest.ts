/** Telemetry on its way in as JSON: refused as a whole at the door, or stored digit for digit. */
import { Context, Effect, Layer } from "effect"
import { Settings } from "../config/Settings.ts"
import { type EntityNotFound, InvalidInput } from "../domain/Errors.ts"
import { type Exact, parse } from "../domain/ExactJson.ts"
import { saveTelemetryPath } from "../thingsboard/Paths.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../thingsboard/ThingsBoardError.ts"
import { Access } from "./Access.ts"
import { batches } from "./batches.ts"
import { hiddenAsMissing } from "./hiddenAsMissing.ts"
import { Faults, type IncomingPoint, isObject, readPoints, type Reading, type Rules, warningsOf } from "./Points.ts"

export interface Uploaded {
  readonly keys: ReadonlyArray<string>
  readonly points: number
  readonly warnings: ReadonlyArray<string>
}

export interface DeviceOutcome {
  readonly deviceId: string
  readonly keys: ReadonlyArray<string>
  readonly points: number
  /** Why nothing, or not all, was stored. */
  readonly failure: EntityNotFound | ThingsBoardError | undefined
}

export interface BulkUploaded {
  readonly outcomes: ReadonlyArray<DeviceOutcome>
  readonly warnings: ReadonlyArray<string>
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const parseBody = (body: string): Effect.Effect<Exact, InvalidInput> =>
  Effect.try({ try: () => parse(body), catch: () => new InvalidInput({ faults: [{ field: "body", issue: "Expected valid JSON" }] }) })

const orFaults = <A>(value: A, faults: Faults): Effect.Effect<A, InvalidInput> =>
  faults.isEmpty ? Effect.succeed(value) : Effect.fail(new InvalidInput({ faults: faults.all }))

export class Ingest extends Context.Service<
  Ingest,
  {
    /** Stores `{key: [{ts, value}]}`. Every point has its time, so that a retry is harmless. */
    readonly upload: (
      deviceId: string,
      body: string,
      rules: Rules
    ) => Effect.Effect<Uploaded, EntityNotFound | InvalidInput | ThingsBoardError>
    /** Stores `{device: {key: [{ts, value}]}}`: nothing when anything is wrong with it, else each device on its own. */
    readonly bulk: (body: string, rules: Rules) => Effect.Effect<BulkUploaded, InvalidInput>
    /** Stores points that were checked before, in as few calls as their size allows. */
    readonly store: (deviceId: string, points: ReadonlyArray<IncomingPoint>) => Effect.Effect<void, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/Ingest") {
  static readonly layer = Layer.effect(
    Ingest,
    Effect.gen(function* () {
      const { tbConcurrency } = yield* Settings
      const thingsBoard = yield* ThingsBoard
      const access = yield* Access

      const store = (deviceId: string, points: ReadonlyArray<IncomingPoint>) =>
        access.guard(
          deviceId,
          Effect.forEach(
            batches(points),
            (json) => hiddenAsMissing(thingsBoard.post(saveTelemetryPath(deviceId), json, { idempotent: true }), "DEVICE", deviceId),
            { discard: true }
          )
        )

      const upload = Effect.fn("Ingest.upload")(function* (deviceId: string, body: string, rules: Rules) {
        const faults = new Faults()
        const { keys, points, rounded } = yield* orFaults(readPoints(yield* parseBody(body), "body", rules, faults), faults)
        yield* store(deviceId, points)
        return { keys, points: points.length, warnings: warningsOf(rounded) }
      })

      const bulk = Effect.fn("Ingest.bulk")(function* (body: string, rules: Rules) {
        const faults = new Faults()
        const devices = yield* parseBody(body)
        const readings: Array<readonly [string, Reading]> = []
        if (!isObject(devices)) faults.add("body", "Expected an object of device ids with their keys and points")
        else if (Object.keys(devices).length === 0) faults.add("body", "Expected one or more devices")
        else {
          for (const id of Object.keys(devices)) {
            if (!uuid.test(id)) faults.add(id.slice(0, 64), "Expected a device id (UUID)")
            else readings.push([id, readPoints(devices[id]!, id, rules, faults)])
          }
        }
        yield* orFaults(undefined, faults)
        const outcomes = yield* Effect.forEach(
          readings,
          ([deviceId, { keys, points }]): Effect.Effect<DeviceOutcome> =>
            Effect.match(store(deviceId, points), {
              onSuccess: () => ({ deviceId, keys, points: points.length, failure: undefined }),
              onFailure: (failure) => ({ deviceId, keys, points: 0, failure })
            }),
          { concurrency: tbConcurrency }
        )
        return { outcomes, warnings: warningsOf(readings.reduce((sum, [, { rounded }]) => sum + rounded, 0)) }
      })

      return { upload, bulk, store }
    })
  ).pipe(Layer.provide(Access.layer))
}
