import { Console, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, UrlParams } from "effect/http"
import { gatewayAt, describeNoResponse, localGateway } from "../config/localGateway.ts"
import { escapeControls } from "../observability/escapeControls.ts"

class NotReady extends Schema.TaggedError<NotReady>()("NotReady", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const Readiness = Schema.fromJsonString(
  Schema.Struct({
    dependencies: Schema.Array(Schema.Struct({ name: Schema.String, ok: Schema.Boolean, detail: Schema.String }))
  })
)

/** The failed dependencies in the response. */
const describeFailures = (body: string) =>
  Option.match(Schema.decodeOption(Readiness)(body), {
    onNone: () => "",
    onSome: ({ dependencies }) =>
      dependencies
        .filter(({ ok }) => !ok)
        .map(({ detail, name }) => ` ${name}: ${detail}`)
        .join("")
  })

const url = Flag.String("url").pipe(Flag.withDescription("URL of the gateway; defaults to HOST and PORT on this machine"), Flag.optional)

const live = Flag.Boolean("live").pipe(
  Flag.withDescription("Check only whether the gateway is running (/health), not whether it is ready (/ready)"),
  Flag.withDefault(false)
)

export const ready = Command.make(
  "ready",
  { url, live },
  Effect.fnUntraced(function* ({ live, url }) {
    const gateway = Option.isSome(url) ? gatewayAt(url.value) : yield* localGateway
    const address = `${gateway.url}${live ? "/health" : "/ready"}`
    const redacted = UrlParams.redactUrl(address)
    const { body, status } = yield* HttpClient.get(address, { headers: gateway.headers }).pipe(
      Effect.flatMap((response) => Effect.map(response.text, (body) => ({ body, status: response.status }))),
      Effect.timeout("10 seconds"),
      Effect.mapError((error) => new NotReady({ message: describeNoResponse(address, redacted, error) })),
      Effect.provideService(FetchHttpClient.RequestInit, gateway.requestInit),
      Effect.provide(FetchHttpClient.layer)
    )
    if (status !== 200)
      return yield* new NotReady({ message: `Not ready: ${redacted} responded with ${status}.${escapeControls(describeFailures(body))}` })
    yield* Console.log(live ? "running" : "ready")
  })
).pipe(
  Command.withShortDescription("Check whether a running gateway is ready"),
  Command.withDescription(
    "Calls GET /ready on the gateway on this machine. Exit code 0 if it is ready, 1 if it is not ready or not running. For container health checks."
  ),
  Command.withExamples([
    { command: "boardwalk ready", description: "Is it ready, that is, logged in to ThingsBoard?" },
    { command: "boardwalk ready --live", description: "Is it running at all?" }
  ])
)
