/**
 * Parses bodies with telemetry and attributes as ThingsBoard's `JsonConverter` does (recorded in `telemetry-write.json`,
 * `attributes.json` and `device-transport.json`).
 */
import { Effect, Schema } from "effect"
import { parseLenient, jsonParseError, parseStrict } from "./bodies.ts"
import type { SavedPoint } from "../store/Events.ts"
import { type Json, JsonNumber, JsonObject, printTree } from "../values/Json.ts"
import { numberToValue, textToValue } from "../values/numbers.ts"
import { emptyError, internalError, type ErrorResponse, plainText } from "./ErrorResponse.ts"
import { encodeLikeJava, hasNull, maxStoredTime, removeNulls } from "../values/postgres.ts"
import { JsonValue, type Value } from "../values/Value.ts"

/** A body of valid JSON with invalid contents; the message is the Java exception's. */
class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("Unreadable", { message: Schema.String }) {}

const invalidValue = (json: Json) => new InvalidPayload({ message: `Can't parse value: ${printTree(json)}` })

const toValue = (json: Json): Value => {
  if (typeof json === "string") return textToValue(encodeLikeJava(json))
  if (typeof json === "boolean") return json
  if (json instanceof JsonNumber) return numberToValue(json.text)
  if (json === null) throw invalidValue(json)
  return new JsonValue(printTree(json))
}

const toTimestamp = (json: Json): number => {
  const ts = Math.trunc(Number(json instanceof JsonNumber ? json.text : typeof json === "string" && json.trim() !== "" ? json : Number.NaN))
  if (!Number.isSafeInteger(ts)) throw new InvalidPayload({ message: `For input string: ${printTree(json)}` })
  return ts === 0 ? 0 : ts
}

const toPoint = (key: string, ts: number, json: Json): SavedPoint => {
  const value = toValue(json)
  return { key: encodeLikeJava(key), ts, value: typeof value === "string" ? removeNulls(value) : value }
}

/** `{"ts", "values"}` if both fields are there; otherwise all fields are values with the current time. */
const readObjectPoints = (json: JsonObject, now: number): ReadonlyArray<SavedPoint> => {
  const ts = json.get("ts")
  const values = json.get("values")
  if (ts === undefined || values === undefined) return [...json.fields].map(([key, value]) => toPoint(key, now, value))
  if (!(values instanceof JsonObject)) throw new InvalidPayload({ message: `Not a JSON Object: ${printTree(values)}` })
  const at = toTimestamp(ts)
  return [...values.fields].map(([key, value]) => toPoint(key, at, value))
}

const readPoints = (json: Json, now: number): ReadonlyArray<SavedPoint> => {
  if (json instanceof JsonObject) return readObjectPoints(json, now)
  if (!Array.isArray(json)) throw invalidValue(json)
  return json.flatMap((element: Json) => {
    if (!(element instanceof JsonObject)) throw invalidValue(element)
    return readObjectPoints(element, now)
  })
}

const attempt = <A>(read: () => A): Effect.Effect<A, InvalidPayload> =>
  Effect.try({
    try: read,
    catch: (error) =>
      error instanceof InvalidPayload ? error : new InvalidPayload({ message: error instanceof Error ? error.message : "" })
  })

/** Keys with markup are rejected. ThingsBoard's `KvUtils` uses an HTML sanitizer; this pattern only looks for the start of a tag. */
const markup = /<[a-z!/?]/i

const maxKeyLength = 255

const findKeyError = (key: string): string | undefined => {
  if (key.length > maxKeyLength) return "Validation error: key length must be equal or less than 255"
  return markup.test(key) ? "Validation error: key is malformed" : undefined
}

const checkKeys = (keys: ReadonlyArray<string>, blankKeyMessage: string): Effect.Effect<void, ErrorResponse> => {
  for (const key of keys) {
    const keyError = key.trim() === "" ? blankKeyMessage : findKeyError(key)
    if (keyError !== undefined) return Effect.fail(plainText(400, keyError))
  }
  return Effect.void
}

/** The points of `POST …/timeseries/{scope}`. `now` in ms. */
export const readTelemetry = Effect.fnUntraced(function* (body: string, now: number) {
  const json = yield* Effect.mapError(parseLenient(body), () => plainText(400, "Unable to parse time series payload: Invalid JSON body!"))
  const points = yield* Effect.mapError(
    attempt(() => readPoints(json, now)),
    ({ message }) => plainText(400, `Unable to parse time series payload. Invalid JSON body: ${message}`)
  )
  if (points.length === 0) return yield* plainText(400, "No time series data found in request body!")
  yield* checkKeys(
    points.map(({ key }) => key),
    "Key can't be null or empty"
  )
  return points
})

type Pairs = ReadonlyArray<readonly [key: string, value: Value]>

/** Attributes as 4.1 reads them, with Jackson: text stays text, and nulls are skipped. */
const attributesFromJackson = (json: JsonObject): Pairs =>
  [...json.fields].flatMap(([key, value]): Pairs => {
    if (value === null) return []
    if (typeof value === "boolean") return [[key, value]]
    if (typeof value === "string") return [[key, encodeLikeJava(value)]]
    if (!(value instanceof JsonNumber)) return [[key, new JsonValue(printTree(value))]]
    if (/[.eE]/.test(value.text)) return [[key, Number(value.text)]]
    const long = BigInt(value.text)
    if (BigInt.asIntN(64, long) !== long) throw new InvalidPayload({ message: `Numeric value (${value.text}) out of range of long` })
    return [[key, long]]
  })

/** Attributes as 4.2 and later read them, with Gson: as in telemetry, numeric text becomes a number, and null is rejected. */
const attributesFromGson = (json: JsonObject): Pairs => [...json.fields].map(([key, value]) => [key, toValue(value)] as const)

/** The attributes of `POST …/attributes/{scope}`. */
export const readAttributes = Effect.fnUntraced(function* (body: string, version: "4.1" | "4.3") {
  const json =
    version === "4.1"
      ? yield* Effect.mapError(parseStrict(body), jsonParseError)
      : yield* Effect.mapError(parseLenient(body), () => plainText(400, "Invalid JSON"))
  if (!(json instanceof JsonObject)) return yield* plainText(400, "Request is not a JSON object")
  const pairs = yield* Effect.mapError(
    attempt(() => (version === "4.1" ? attributesFromJackson(json) : attributesFromGson(json))),
    ({ message }) => internalError(message)
  )
  if (pairs.length === 0) return yield* plainText(400, "No attributes data found in request body!")
  yield* checkKeys(
    pairs.map(([key]) => key),
    "Key cannot be blank"
  )
  return pairs
})

/** Whether PostgreSQL takes the points: ThingsBoard stores all points of a write or, if one of them fails, none. */
export const canStorePoints = (points: ReadonlyArray<SavedPoint>): boolean =>
  points.every(({ key, ts }) => ts <= maxStoredTime && !hasNull(key))

/** Fails like the controllers of telemetry and attributes do when a statement with these keys fails. */
export const requireStorableKeys = (keys: Iterable<string>): Effect.Effect<void, ErrorResponse> =>
  Iterator.from(keys).some(hasNull) ? Effect.fail(emptyError(500)) : Effect.void

/** The body of a device's request: parsed leniently, without nulls; errors are the parser's own messages. */
export const readDeviceJson = Effect.fnUntraced(function* (body: string) {
  const json = yield* Effect.mapError(parseLenient(body), ({ isAtEnd: atEnd, message }) =>
    plainText(500, `${atEnd ? "java.io.EOFException" : "com.google.gson.stream.MalformedJsonException"}: ${message}`)
  )
  return withoutNullFields(json)
})

const withoutNullFields = (json: Json): Json => {
  if (Array.isArray(json)) return json.map(withoutNullFields)
  if (!(json instanceof JsonObject)) return json
  const fields = [...json.fields].filter(([, value]) => value !== null)
  return new JsonObject(new Map(fields.map(([name, value]) => [name, name === "values" ? withoutNullFields(value) : value])))
}

const deviceError = ({ message }: InvalidPayload) => plainText(500, message)

export const readDevicePoints = (json: Json, now: number) =>
  Effect.mapError(
    attempt(() => readPoints(json, now)),
    deviceError
  )

export const readDeviceAttributes = (json: Json) =>
  Effect.mapError(
    attempt(() => {
      if (!(json instanceof JsonObject)) throw invalidValue(json)
      return attributesFromGson(json)
    }),
    deviceError
  )
