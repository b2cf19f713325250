/** Keys and latest values of a device. */
import { Context, Effect, Layer } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { type LatestPoints, scanLatest } from "../../thingsboard/responses/LatestScanner.ts"
import { fitInPath } from "../../thingsboard/Paths.ts"
import { listTelemetryKeys } from "../../thingsboard/requests/telemetry.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { perCaller } from "../access/perCaller.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"

export interface Latest {
  /** The keys asked for, or all that hold values. */
  readonly keys: ReadonlyArray<string>
  /** `{"key":{"ts":…,"value":…}|null,…}`, every token as ThingsBoard wrote it. */
  readonly json: string
}

const maxNames = 10_000

/**
 * Keys that are in ThingsBoard's dictionary, whatever the device. It takes up any other that it is asked for, so that callers could
 * fill it with words: those are looked for among all latest values of the device.
 */
class KnownNames {
  private readonly names = new Set<string>()

  include(keys: ReadonlyArray<string>): boolean {
    return keys.every((key) => this.names.has(key))
  }

  learn(keys: Iterable<string>) {
    if (this.names.size > maxNames) this.names.clear()
    for (const key of keys) this.names.add(key)
  }
}

const latestJson = (points: LatestPoints, keys: ReadonlyArray<string>): string => {
  let json = ""
  for (const key of keys) {
    const point = points.get(key)
    json += `${json === "" ? "{" : ","}${JSON.stringify(key)}:${point === undefined ? "null" : textOf(point)}`
  }
  return json === "" ? "{}" : `${json}}`
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** Keys that hold values, in alphabetical order. */
    readonly keys: (deviceId: DeviceId) => Effect.Effect<ReadonlyArray<string>, EntityNotFound | ThingsBoardError>
    /** The same of a device that the caller was found to see; ThingsBoard checks its own user's rights all the same. */
    readonly keysOfVisibleDevice: (deviceId: string) => Effect.Effect<ReadonlyArray<string>, EntityNotFound | ThingsBoardError>
    /** The newest point of each key; ThingsBoard itself checks here whether the device may be seen. */
    readonly latest: (
      deviceId: DeviceId,
      keys: ReadonlyArray<string> | undefined
    ) => Effect.Effect<Latest, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/telemetry/Telemetry") {
  static readonly layer = Layer.effect(
    Telemetry,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      /** What other callers read is not to be told by the speed of an answer. */
      const known = perCaller(thingsBoard, () => new KnownNames())
      const keysOfVisibleDevice = (deviceId: string) =>
        Effect.map(forbiddenAsNotFound(listTelemetryKeys(thingsBoard, deviceId), "DEVICE", deviceId), (keys) => keys.toSorted())
      return {
        keysOfVisibleDevice,
        keys: (deviceId) => access.guard(deviceId, keysOfVisibleDevice(deviceId)).pipe(withServiceSpan("Telemetry.keys")),
        latest: (deviceId, keys) =>
          known((names) => {
            const named = keys !== undefined && names.include(keys) && fitInPath(keys) ? keys : undefined
            return access.guard(deviceId, forbiddenAsNotFound(thingsBoard.latest(deviceId, named), "DEVICE", deviceId)).pipe(
              Effect.flatMap(scanLatest),
              Effect.map((points) => {
                if (named === undefined) names.learn(points.keys())
                const asked = keys === undefined ? [...points.keys()].toSorted() : [...new Set(keys)]
                return { keys: asked, json: latestJson(points, asked) }
              })
            )
          }).pipe(withServiceSpan("Telemetry.latest"))
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
