/** Reads request bodies, and fields of JSON objects. */
import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { type Json, JsonError, JsonNumber, JsonObject, parseGson, parseJackson } from "../values/Json.ts"
import { internalError, type ErrorResponse } from "./ErrorResponse.ts"

/** Dies if the connection breaks while the body is read: then nobody is left to receive an error. */
export const readText = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<string> => Effect.orDie(request.text)

const attempt = (parse: () => Json): Effect.Effect<Json, JsonError> =>
  Effect.try({ try: parse, catch: (error) => (error instanceof JsonError ? error : new JsonError("Malformed JSON", false)) })

export const parseStrict = (text: string) => attempt(() => parseJackson(text))
export const parseLenient = (text: string) => attempt(() => parseGson(text))

export const jsonParseError = ({ message }: { readonly message: string }): ErrorResponse => internalError(`JSON parse error: ${message}`)

/** A JSON object, parsed by Jackson. ThingsBoard returns 500 for anything else. */
export const readObject = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const text = yield* readText(request)
  if (text === "") return yield* internalError("Required request body is missing")
  const json = yield* Effect.mapError(parseStrict(text), jsonParseError)
  if (!(json instanceof JsonObject)) return yield* jsonParseError({ message: "Cannot deserialize value" })
  return json
})

/** The string in a field; undefined if the field is missing, null or not a string. */
export const textOf = (json: JsonObject | undefined, name: string): string | undefined => {
  const value = json?.get(name)
  return typeof value === "string" ? value : undefined
}

export const numberOf = (json: JsonObject | undefined, name: string): number | undefined => {
  const value = json?.get(name)
  return value instanceof JsonNumber ? Number(value.text) : undefined
}

export const objectOf = (json: JsonObject | undefined, name: string): JsonObject | undefined => {
  const value = json?.get(name)
  return value instanceof JsonObject ? value : undefined
}

export const arrayOf = (json: JsonObject | undefined, name: string): ReadonlyArray<Json> | undefined => {
  const value = json?.get(name)
  return Array.isArray(value) ? value : undefined
}
