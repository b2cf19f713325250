import { Console, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { FetchHttpClient, HttpClient, UrlParams } from "effect/http"
import { gatewayAt, describeNoResponse, localGateway } from "../config/localGateway.ts"
import { escapeControls } from "../observability/escapeControls.ts"

class NotReady extends Schema.TaggedError<NotReady>()("NotReady", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

const Answer = Schema.fromJsonString(
  Schema.Struct({
    dependencies: Schema.Array(Schema.Struct({ name: Schema.String, ok: Schema.Boolean, detail: Schema.String }))
  })
)

/** What does not work, as the gateway tells it. */
const reasons = (body: string) =>
  Option.match(Schema.decodeOption(Answer)(body), {
    onNone: () => "",
    onSome: ({ dependencies }) =>
      dependencies
        .filter(({ ok }) => !ok)
        .map(({ detail, name }) => ` ${name}: ${detail}`)
        .join("")
  })

const url = Flag.String("url").pipe(
  Flag.withDescription("The gateway's address, instead of the one that HOST and PORT name on this machine"),
  Flag.optional
)

const live = Flag.Boolean("live").pipe(
  Flag.withDescription("Ask only whether it runs (/health), not whether it can do its work (/ready)"),
  Flag.withDefault(false)
)

export const ready = Command.make(
  "ready",
  { url, live },
  Effect.fnUntraced(function* ({ live, url }) {
    const gateway = Option.isSome(url) ? gatewayAt(url.value) : yield* localGateway
    const address = `${gateway.url}${live ? "/health" : "/ready"}`
    const shown = UrlParams.redactUrl(address)
    const { body, status } = yield* HttpClient.get(address, { headers: gateway.headers }).pipe(
      Effect.flatMap((response) => Effect.map(response.text, (body) => ({ body, status: response.status }))),
      Effect.timeout("10 seconds"),
      Effect.mapError((error) => new NotReady({ message: describeNoResponse(address, shown, error) })),
      Effect.provideService(FetchHttpClient.RequestInit, gateway.requestInit),
      Effect.provide(FetchHttpClient.layer)
    )
    if (status !== 200) return yield* new NotReady({ message: `Not ready: ${shown} answered ${status}.${escapeControls(reasons(body))}` })
    yield* Console.log(live ? "running" : "ready")
  })
).pipe(
  Command.withShortDescription("Ask a running gateway whether it is ready"),
  Command.withDescription(
    "Asks GET /ready of the gateway on this machine. Exit code 0 when it is ready, 1 when it is not or does not run. For health checks of containers."
  ),
  Command.withExamples([
    { command: "boardwalk ready", description: "Can it do its work: is ThingsBoard logged in to?" },
    { command: "boardwalk ready --live", description: "Does it run at all?" }
  ])
)
