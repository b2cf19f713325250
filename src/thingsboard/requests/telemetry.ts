/** A device's telemetry keys, and writing telemetry. Reading it is part of `ThingsBoard`, whose route depends on the release. */
import { Effect, Schema } from "effect"
import { invalidResponse, type ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { telemetryKeysPath, saveTelemetryPath } from "../Paths.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"

const decodeKeys = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.String)))

/** The keys that have values, in no order. */
export const listTelemetryKeys = (
  thingsBoard: ThingsBoardShape,
  deviceId: string
): Effect.Effect<ReadonlyArray<string>, ThingsBoardError> =>
  Effect.flatMap(thingsBoard.get(telemetryKeysPath(deviceId)), (bytes) =>
    Effect.mapError(decodeKeys(bytes.toString()), () => invalidResponse())
  )

/**
 * Stores ready-made JSON: `{"ts":…,"values":{"key":…}}`, or an array of these. Every point needs a `ts` (epoch ms): writing it twice
 * does no harm then, and the call may be sent again after a failure. Succeeds only if ThingsBoard says that it has the points.
 */
export const saveTelemetry = (
  thingsBoard: ThingsBoardShape,
  deviceId: string,
  json: string | Uint8Array
): Effect.Effect<void, ThingsBoardError> =>
  Effect.asVoid(thingsBoard.post(saveTelemetryPath(deviceId), json, { idempotent: true, write: true }))
