/** Reads the JSON bodies of uploads. A body with any error is rejected as a whole, with all errors. */
import { Effect } from "effect"
import type { InvalidInput } from "../../domain/Errors.ts"
import type { FieldErrors } from "../../domain/FieldErrors.ts"
import type { Steps } from "../../domain/Steps.ts"
import type { JsonReader } from "../../json/JsonReader.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"
import { readBody } from "../validation/readBody.ts"
import { type ValueRules, uploadWarnings } from "../validation/values.ts"
import { noData, readDevices } from "./bulkBody.ts"
import { type FutureTimes, futureWarning, lastExpectedTime } from "./futureTimes.ts"
import { PointReader, type PointsRead } from "./PointReader.ts"

type Body = string | Uint8Array

interface WithWarnings {
  /** What was changed to store the values, and times that are probably wrong. */
  readonly warnings: ReadonlyArray<string>
}

const noPoints: PointsRead = { points: [], keys: [], rounded: 0, replaced: 0 }

interface OneRead extends PointsRead {
  readonly future: FutureTimes
}

function* readOne(
  body: JsonReader,
  rules: ValueRules,
  errors: FieldErrors,
  at: number,
  lastExpected: number
): Steps<readonly [OneRead, end: number]> {
  const reader = new PointReader(body, rules, errors, lastExpected)
  const [found = noPoints, end] = yield* reader.read(at, "body")
  if (!reader.hasData) errors.summary = noData
  return [{ ...found, future: reader.future }, end]
}

/** Reads `{key: [{ts, value}]}`. */
export const readPoints = Effect.fnUntraced(function* (
  eventLoop: EventLoop["Service"],
  body: Body,
  rules: ValueRules
): Effect.fn.Return<PointsRead & WithWarnings, InvalidInput> {
  const last = yield* lastExpectedTime
  const { future, ...read } = yield* readBody(eventLoop, body, (json, errors, at) => readOne(json, rules, errors, at, last))
  return { ...read, warnings: [...uploadWarnings(read.rounded, read.replaced), ...futureWarning(future, "point")] }
})

/** Reads `{device: {key: [{ts, value}]}}`, where the device is an id or a name. */
export const readPointsOfMany = Effect.fnUntraced(function* (
  eventLoop: EventLoop["Service"],
  body: Body,
  rules: ValueRules
): Effect.fn.Return<{ readonly byDevice: ReadonlyMap<string, PointsRead> } & WithWarnings, InvalidInput> {
  const last = yield* lastExpectedTime
  const { byDevice, future } = yield* readBody(eventLoop, body, (json, errors, at) => readDevices(json, rules, errors, at, last))
  const total = (count: "rounded" | "replaced") => [...byDevice.values()].reduce((sum, read) => sum + read[count], 0)
  return { byDevice, warnings: [...uploadWarnings(total("rounded"), total("replaced")), ...futureWarning(future, "point")] }
})
