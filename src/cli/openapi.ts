import { Console, Effect, FileSystem, Option } from "effect"
import { Command, Flag } from "effect/cli"

const output = Flag.String("output").pipe(
  Flag.withAlias("o"),
  Flag.withMetavar("file"),
  Flag.withDescription("Write to this file instead of printing"),
  Flag.optional
)

export const openapi = Command.make(
  "openapi",
  { output },
  Effect.fnUntraced(function* ({ output }) {
    const { buildDocument } = yield* Effect.promise(() => import("../api/openapi/document.ts"))
    const text = JSON.stringify(buildDocument(), undefined, 2)
    if (Option.isNone(output)) return yield* Console.log(text)
    const files = yield* FileSystem.FileSystem
    yield* files.writeFileString(output.value, `${text}\n`)
  })
).pipe(
  Command.withShortDescription("Print the API's OpenAPI document"),
  Command.withDescription("Prints the OpenAPI 3.1 document of the API. Requires no configuration."),
  Command.withExamples([{ command: "boardwalk openapi --output openapi.json", description: "Write it to a file" }])
)
