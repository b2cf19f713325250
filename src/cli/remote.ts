/** How verbs that go through the API reach a gateway. */
import { Effect, Option, Redacted, Runtime, Schema, Stream } from "effect"
import { Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, HttpClientRequest, type HttpClientResponse, UrlParams } from "effect/http"
import { basePath } from "../api/Api.ts"
import { gatewayAt, describeNoResponse, localGateway } from "../config/localGateway.ts"
import { escapeControls } from "../observability/escapeControls.ts"
import { withVariableFallback } from "./flags.ts"

export const remoteFlags = {
  url: Flag.String("url").pipe(
    Flag.withDescription("The gateway's address; the one that HOST and PORT name on this machine when there is none"),
    Flag.optional
  ),
  key: Flag.Redacted("key").pipe(
    Flag.withDescription("The API key; better given as BOARDWALK_KEY, which no list of processes shows"),
    withVariableFallback("key", "BOARDWALK_KEY", Redacted.make)
  )
}

export class RemoteError extends Schema.TaggedError<RemoteError>()("RemoteProblem", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const Problem = Schema.fromJsonString(Schema.Struct({ detail: Schema.String, details: Schema.optionalKey(Schema.Unknown) }))

/** What the gateway says is wrong, in its own words. */
const explained = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(
    Effect.orElseSucceed(response.text, () => ""),
    (body) => {
      const said = Option.match(Schema.decodeOption(Problem)(body), {
        onNone: () => `The gateway answered ${response.status}.`,
        onSome: ({ detail, details }) =>
          `${detail}${details === undefined || JSON.stringify(details) === "{}" ? "" : ` ${JSON.stringify(details)}`}`
      })
      return Effect.fail(new RemoteError({ message: escapeControls(said) }))
    }
  )

export interface Remote {
  /** The answer to a request below the base path; what is no success fails in the gateway's words. */
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
        Effect.flatMap((response) => (response.status < 300 ? Effect.succeed(response) : explained(response)))
      )
  }
  return remote
})

/** The bytes of an answer; that the connection broke off is said as such. */
export const streamBody = (response: HttpClientResponse.HttpClientResponse) =>
  Stream.mapError(
    response.stream,
    () => new RemoteError({ message: "The connection broke off. Start the same command again: what is there already is kept." })
  )
