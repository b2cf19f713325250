/** Keys and latest values of one device. */
import { Context, Effect, Layer } from "effect"
import type { EntityNotFound } from "../../domain/Errors.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import { sortInSteps } from "../../domain/sortInSteps.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { type LatestPoints, readLatest } from "../../thingsboard/responses/LatestScanner.ts"
import { fitInPath } from "../../thingsboard/Paths.ts"
import { listTelemetryKeys } from "../../thingsboard/requests/telemetry.ts"
import { withoutSharedReads } from "../../thingsboard/reads/SharedReads.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { existingKeys } from "./readableKeys.ts"
import { perCaller } from "../access/perCaller.ts"
import { forbiddenAsNotFound } from "../access/forbiddenAsNotFound.ts"

export interface Latest {
  /** The requested keys, or all keys that have values. */
  readonly keys: ReadonlyArray<string>
  /** `{"key":{"ts":…,"value":…}|null,…}`, each token as ThingsBoard wrote it. */
  readonly json: string
}

const maxKnownKeys = 10_000

/**
 * Keys that are known to be in ThingsBoard's dictionary, on whatever device. A request for any other key would add it, so callers could
 * fill the dictionary: unknown keys are searched for in all latest values of the device instead.
 */
class KnownKeys {
  private readonly keys = new Set<string>()

  includes(keys: ReadonlyArray<string>): boolean {
    return keys.every((key) => this.keys.has(key))
  }

  add(keys: Iterable<string>) {
    if (this.keys.size > maxKnownKeys) this.keys.clear()
    for (const key of keys) this.keys.add(key)
  }
}

/** Keys between two looks at the clock. */
const perLook = 64

const byCodeUnits = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** All keys that have values, in alphabetical order, if none are requested. */
function* renderLatest(points: LatestPoints, requested: ReadonlyArray<string> | undefined, isTurnOver: IsTurnOver): Steps<Latest> {
  const keys = requested === undefined ? yield* sortInSteps([...points.keys()], byCodeUnits, isTurnOver) : [...new Set(requested)]
  let json = ""
  let n = 0
  for (const key of keys) {
    if (++n % perLook === 0 && isTurnOver()) yield
    const point = points.get(key)
    json += `${json === "" ? "{" : ","}${JSON.stringify(key)}:${point === undefined ? "null" : textOf(point)}`
  }
  return { keys, json: json === "" ? "{}" : `${json}}` }
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()

export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** The keys that have values, in alphabetical order. */
    readonly keys: (deviceId: DeviceId) => Effect.Effect<ReadonlyArray<string>, EntityNotFound | ThingsBoardError>
    /**
     * Like `keys`, for a device already known to be visible to the caller. ThingsBoard still checks the permissions of its own user. For
     * histories, so never from the cache: a key that has just got its first value is not missing.
     */
    readonly keysOfVisibleDevice: (deviceId: string) => Effect.Effect<ReadonlyArray<string>, EntityNotFound | ThingsBoardError>
    /**
     * Those of the keys that may be read: reading a key that does not exist makes ThingsBoard add it to its dictionary. Keys that were
     * seen before, on any device, are not looked up again.
     */
    readonly readableKeys: (
      deviceId: DeviceId,
      keys: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<string>, EntityNotFound | ThingsBoardError>
    /** The newest point of each key. ThingsBoard itself checks whether its user may see the device. */
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
      const eventLoop = yield* EventLoop
      /** Kept per caller, so that response times do not reveal what other callers read. */
      const knownKeys = perCaller(thingsBoard, () => new KnownKeys())
      /** Keys that this release of ThingsBoard cannot name are among all values. */
      const readNamed = (deviceId: string, keys: ReadonlyArray<string> | undefined) =>
        Effect.catchIf(
          thingsBoard.latest(deviceId, keys),
          ({ reason }) => reason._tag === "Unsupported",
          () => thingsBoard.latest(deviceId, undefined)
        )
      const listKeys = (deviceId: string) =>
        Effect.map(forbiddenAsNotFound(listTelemetryKeys(thingsBoard, deviceId), "DEVICE", deviceId), (keys) => keys.toSorted())
      const remember = <E>(listed: Effect.Effect<ReadonlyArray<string>, E>) =>
        knownKeys((known) => Effect.tap(listed, (found) => Effect.sync(() => known.add(found))))
      const keysForHistory = (deviceId: string) => remember(withoutSharedReads(listKeys(deviceId)))
      return {
        keysOfVisibleDevice: keysForHistory,
        keys: (deviceId) => access.guard(deviceId, remember(listKeys(deviceId))).pipe(withServiceSpan("Telemetry.keys")),
        readableKeys: (deviceId, requested) =>
          knownKeys((known) =>
            Effect.suspend(() => {
              if (known.includes(requested)) return Effect.succeed(requested)
              return Effect.map(access.guard(deviceId, keysForHistory(deviceId)), (found) => existingKeys(requested, found))
            })
          ),
        latest: (deviceId, keys) =>
          knownKeys((known) => {
            const sentKeys = keys !== undefined && known.includes(keys) && fitInPath(keys) ? keys : undefined
            return access.guard(deviceId, forbiddenAsNotFound(readNamed(deviceId, sentKeys), "DEVICE", deviceId)).pipe(
              (bytes) => thingsBoard.readInSteps(bytes, readLatest),
              Effect.flatMap((points) => {
                if (sentKeys === undefined) known.add(points.keys())
                return eventLoop.run(() => renderLatest(points, keys, eventLoop.isTurnOver))
              })
            )
          }).pipe(withServiceSpan("Telemetry.latest"))
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
