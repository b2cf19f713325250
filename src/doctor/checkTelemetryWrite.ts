import { Clock, Effect, Schema } from "effect"
import { Devices } from "../services/devices/Devices.ts"
import { saveTelemetry } from "../thingsboard/requests/telemetry.ts"
import { ThingsBoard } from "../thingsboard/ThingsBoard.ts"
import { CheckFailure } from "./Check.ts"

const key = "boardwalk_doctor"

const FirstDevice = Schema.fromJsonString(
  Schema.NonEmptyArray(Schema.Struct({ name: Schema.String, id: Schema.Struct({ id: Schema.String }) }))
)
const Latest = Schema.fromJsonString(
  Schema.Struct({ [key]: Schema.NonEmptyArray(Schema.Struct({ ts: Schema.Int, value: Schema.Unknown })) })
)

const failWith = (detail: string) => () =>
  new CheckFailure({
    detail,
    hint: "Check that this user may write telemetry, that no quota is exhausted, and that ThingsBoard's queue works."
  })

/** Writes the current time to the first device, under its own key, and reads it back. */
export const checkTelemetryWrite = Effect.gen(function* () {
  const devices = yield* Devices
  const thingsBoard = yield* ThingsBoard
  const { items } = yield* Effect.mapError(devices.list({ page: 0, pageSize: 1 }), failWith("no device to write to"))
  const [device] = yield* Schema.decodeEffect(FirstDevice)(new TextDecoder().decode(items)).pipe(
    Effect.mapError(failWith("no device to write to"))
  )
  const ts = yield* Clock.currentTimeMillis
  yield* Effect.mapError(
    saveTelemetry(thingsBoard, device.id.id, JSON.stringify({ ts, values: { [key]: ts } })),
    failWith("the point was rejected")
  )
  const response = yield* Effect.mapError(thingsBoard.latest(device.id.id, [key]), failWith("the point cannot be read"))
  const latest = yield* Schema.decodeEffect(Latest)(response.toString()).pipe(Effect.mapError(failWith("the point was not stored")))
  if (latest[key][0].ts < ts) return yield* failWith("an older point was returned")()
  return `${key} of ${device.name}`
})
