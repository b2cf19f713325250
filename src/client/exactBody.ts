/** Sends and decodes bodies with `exactJson`, where the framework's client would use JSON.stringify and JSON.parse. */
import { Context, Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { hasBigInt, parseExactly, stringifyExactly, toNearestNumbers } from "./exactJson.ts"

/** The JSON to send in place of the body that the framework has made. */
const ExactBody = Context.Reference<string | undefined>("boardwalk/client/ExactBody", { defaultValue: () => undefined })

export const withExactBodies = HttpClient.mapRequestEffect((request) =>
  Effect.map(ExactBody, (body) => (body === undefined ? request : HttpClientRequest.bodyText(request, body, "application/json")))
)

/** The framework checks and encodes the nearest numbers; what is sent has all digits. */
export const sendExactly = <A, E, R>(payload: unknown, send: (payload: any) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  hasBigInt(payload) ? Effect.provideService(send(toNearestNumbers(payload)), ExactBody, stringifyExactly(payload)) : send(payload)

const ParsedJson = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Unknown,
    SchemaTransformation.transformEffect({
      decode: (text: string) =>
        Effect.try({
          try: (): unknown => parseExactly(text),
          catch: () => new SchemaIssue.InvalidValue({ message: "Expected valid JSON" })
        }),
      encode: (value: unknown) => Effect.succeed(stringifyExactly(value))
    })
  )
)

/** Decodes JSON text without rounding integers. */
export const fromExactJson = <S extends Schema.Constraint>(schema: S) => ParsedJson.pipe(Schema.decodeTo(schema))

/** Decodes the body of a successful response with `schema`, and leaves problems to `decodeOther`. */
export const decodeExactly = <A, E>(
  schema: Schema.ConstraintDecoder<A>,
  decodeOther: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, E>
): ((response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, E | HttpClientError.HttpClientError | Schema.SchemaError>) => {
  const decode = Schema.decodeUnknownEffect(fromExactJson(schema))
  return (response) =>
    response.status >= 200 && response.status < 300
      ? Effect.flatMap(response.text, decode)
      : Effect.andThen(decodeOther(response), Effect.die("a response without success was decoded"))
}
