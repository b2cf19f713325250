import { Console, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { untilStopped } from "../platform/Runtime.ts"

const port = Flag.Int("port").pipe(
  Flag.withAlias("p"),
  Flag.withMetavar("number"),
  Flag.withDescription("Port to listen on; 0 uses any free port"),
  Flag.withDefault(8080)
)

const hostname = Flag.String("host").pipe(
  Flag.withMetavar("address"),
  Flag.withDescription("Address to listen on"),
  Flag.withDefault("127.0.0.1")
)

const speaks = Flag.Literals("speaks", ["4.1", "4.3"]).pipe(
  Flag.withDescription("The ThingsBoard version to emulate; API keys require 4.3"),
  Flag.withDefault("4.3" as const)
)

const file = Flag.String("file").pipe(
  Flag.withMetavar("path"),
  Flag.withDescription("Keep the data in this SQLite file instead of in memory"),
  Flag.optional
)

const empty = Flag.Boolean("empty").pipe(
  Flag.withDescription("Start with users only, without the demo building and its devices"),
  Flag.withDefault(false)
)

export const emulator = Command.make(
  "emulator",
  { port, hostname, speaks, file, empty },
  Effect.fnUntraced(function* ({ empty, file, hostname, port, speaks }) {
    const { Emulator } = yield* Effect.promise(() => import("../emulator/Emulator.ts"))
    const AnnounceLayer = Layer.effectDiscard(
      Effect.flatMap(Emulator, ({ password, url, username }) =>
        Console.log(`ThingsBoard ${speaks} emulator on ${url}\n  user      ${username}\n  password  ${password}`)
      )
    )
    const options = { port, hostname, version: speaks, demo: !empty, ...(Option.isSome(file) ? { file: file.value } : {}) }
    return yield* untilStopped(Layer.launch(AnnounceLayer.pipe(Layer.provide(Emulator.layer(options)))))
  })
).pipe(
  Command.withShortDescription("Run only the ThingsBoard emulator"),
  Command.withDescription(
    "Runs a small ThingsBoard for laptops and tests: REST and WebSocket, users, devices, assets, telemetry, attributes and relations, with a demo building that sends new data every second."
  ),
  Command.withExamples([
    { command: "boardwalk emulator", description: "ThingsBoard 4.3 on 127.0.0.1:8080, in memory" },
    { command: "boardwalk emulator --speaks 4.1 --file site.sqlite", description: "ThingsBoard 4.1, with the data in a file" }
  ])
)
