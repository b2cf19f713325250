import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { findEntityForTelemetry } from "../auth/Access.ts"
import { json } from "../http/responses.ts"
import { numberOf, readObject, textOf } from "../http/bodies.ts"
import type { JsonObject } from "../values/Json.ts"
import { emptyError, internalError } from "../http/ErrorResponse.ts"
import { timeBasedId } from "../store/ids.ts"

/** The minimum timeout that ThingsBoard applies. */
const minWaitMillis = 5000
/** Its default timeout. */
const defaultWaitMillis = 10_000

/** No device ever connects to the emulator, so a persistent command gets an id, and any other command times out. */
const sendCommand = Effect.fnUntraced(function* (deviceId: string, body: JsonObject) {
  if (textOf(body, "method") === undefined) {
    return yield* internalError(
      `Cannot invoke "com.fasterxml.jackson.databind.JsonNode.asText()" because the return value of "com.fasterxml.jackson.databind.JsonNode.get(String)" is null`
    )
  }
  yield* findEntityForTelemetry("DEVICE", deviceId)
  if (body.get("persistent") === true) return json(`{"rpcId":"${timeBasedId(yield* Clock.currentTimeMillis)}"}`)
  yield* Effect.sleep(Math.max(numberOf(body, "timeout") ?? defaultWaitMillis, minWaitMillis))
  return yield* emptyError(504)
})

export const CommandsLayer = HttpApiBuilder.group(AdministrationApi, "commands", (handlers) =>
  handlers
    .handleRaw("oneWay", ({ params, request }) => Effect.flatMap(readObject(request), (body) => sendCommand(params.deviceId, body)))
    .handleRaw("twoWay", ({ params, request }) => Effect.flatMap(readObject(request), (body) => sendCommand(params.deviceId, body)))
)
