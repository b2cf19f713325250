import { Layer } from "effect"
import { Command } from "effect/cli"
import { host, toOverrides, port } from "./flags.ts"
import { makeGatewayLayer } from "./gateway.ts"
import { untilStopped } from "../platform/Runtime.ts"

export const serve = Command.make("serve", { port, host }, (flags) =>
  untilStopped(Layer.launch(makeGatewayLayer(toOverrides(flags))))
).pipe(
  Command.withShortDescription("Serve the API in front of the configured ThingsBoard"),
  Command.withDescription(
    "Serves the API in front of the ThingsBoard at TB_HOST. Settings are read from the environment and from .env; `boardwalk config show` prints them. After SIGTERM or SIGINT, requests in flight are finished."
  ),
  Command.withExamples([
    { command: "boardwalk serve", description: "Listen on HOST and PORT (0.0.0.0:8000)" },
    { command: "boardwalk serve --port 9000", description: "Listen on another port" }
  ])
)
