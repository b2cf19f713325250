/** How commands that use the API connect to a gateway. */
import { Effect, Option, Redacted, Runtime, Schema, Stream } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientRequest, type HttpClientResponse, UrlParams } from "effect/http"
import { basePath } from "../api/Api.ts"
import { gatewayAt, describeNoResponse, localGateway } from "../config/localGateway.ts"
import { escapeControls } from "../observability/escapeControls.ts"
import { readSecretFlag, withVariableFallback } from "./flags.ts"

export const remoteFlags = {
  url: Flag.String("url").pipe(Flag.withDescription("URL of the gateway; defaults to HOST and PORT on this machine"), Flag.optional),
  key: Flag.Redacted("key").pipe(
    Flag.withDescription("The API key. Prefer BOARDWALK_KEY: all users of the machine can see arguments."),
    withVariableFallback("key", "BOARDWALK_KEY", Redacted.make, readSecretFlag)
  )
}

export class RemoteError extends Schema.TaggedError<RemoteError>()("RemoteError", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const Problem = Schema.fromJsonString(Schema.Struct({ detail: Schema.String, details: Schema.optionalKey(Schema.Unknown) }))

/** Fails with the gateway's own description of the problem. */
const failWithProblem = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(
    Effect.orElseSucceed(response.text, () => ""),
    (body) => {
      const message = Option.match(Schema.decodeOption(Problem)(body), {
        onNone: () => `The gateway responded with ${response.status}.`,
        onSome: ({ detail, details }) =>
          `${detail}${details === undefined || JSON.stringify(details) === "{}" ? "" : ` ${JSON.stringify(details)}`}`
      })
      return Effect.fail(new RemoteError({ message: escapeControls(message) }))
    }
  )

export interface Remote {
  /** Sends a request with the key. A response other than success fails with the gateway's description of the problem. */
  readonly send: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse.HttpClientResponse, RemoteError>
  readonly url: (path: string) => string
}

export const connect = Effect.fnUntraced(function* (flags: {
  readonly url: Option.Option<string>
  readonly key: Redacted.Redacted<string>
}) {
  const gateway = Option.isSome(flags.url) ? gatewayAt(flags.url.value) : yield* localGateway
  const base = gateway.url
  const client = yield* HttpClient.HttpClient.pipe(Effect.provide(FetchHttpClient.layer))
  const remote: Remote = {
    url: (path) => `${base}${basePath}/${path}`,
    send: (request) =>
      client.execute(HttpClientRequest.setHeaders(request, { ...gateway.headers, "x-api-key": Redacted.value(flags.key) })).pipe(
        Effect.provideService(FetchHttpClient.RequestInit, gateway.requestInit),
        Effect.mapError((error) => new RemoteError({ message: describeNoResponse(base, UrlParams.redactUrl(base), error) })),
        Effect.flatMap((response) => (response.status < 300 ? Effect.succeed(response) : failWithProblem(response)))
      )
  }
  return remote
})

/** The body of a response. An interrupted connection fails with a message that says what to do. */
export const streamBody = (response: HttpClientResponse.HttpClientResponse) =>
  Stream.mapError(
    response.stream,
    () => new RemoteError({ message: "The connection was interrupted. Run the same command again: it keeps the data received so far." })
  )
