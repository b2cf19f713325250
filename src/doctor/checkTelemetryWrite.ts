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

const ailment = (detail: string) => () =>
  new CheckFailure({ detail, hint: "May this user write telemetry, and are its devices' quotas and ThingsBoard's queue in order?" })

/** Writes the time under a key of its own to the first device, and looks whether ThingsBoard gives it back. */
export const checkTelemetryWrite = Effect.gen(function* () {
  const devices = yield* Devices
  const thingsBoard = yield* ThingsBoard
  const { items } = yield* Effect.mapError(devices.list({ page: 0, pageSize: 1 }), ailment("no device to write to"))
  const [device] = yield* Schema.decodeEffect(FirstDevice)(new TextDecoder().decode(items)).pipe(
    Effect.mapError(ailment("no device to write to"))
  )
  const ts = yield* Clock.currentTimeMillis
  yield* Effect.mapError(
    saveTelemetry(thingsBoard, device.id.id, JSON.stringify({ ts, values: { [key]: ts } })),
    ailment("the point was refused")
  )
  const answer = yield* Effect.mapError(thingsBoard.latest(device.id.id, [key]), ailment("the point cannot be read"))
  const latest = yield* Schema.decodeEffect(Latest)(answer.toString()).pipe(Effect.mapError(ailment("the point did not arrive")))
  if (latest[key][0].ts < ts) return yield* ailment("an older point came back")()
  return `${key} of ${device.name}`
})
