/**
 * The command `boardwalk`, one verb a file. The folder turns flags into settings and outcomes into exit codes; the work is done elsewhere.
 * Verbs load what they need when they run, so that `serve` holds nothing of the emulator, and `config` nothing of the server.
 */
import { Console, Effect, Layer, Runtime, Schema } from "effect"
import { CliConfig, CliOutput, Command, GlobalFlag } from "effect/cli"
import manifest from "../../package.json" with { type: "json" }
import { config } from "./config.ts"
import { demo } from "./demo.ts"
import { doctor } from "./doctor.ts"
import { emulator } from "./emulator.ts"
import { exitCodes } from "./exitCodes.ts"
import { exportCommand } from "./export.ts"
import { importCommand } from "./import.ts"
import { keys } from "./keys/keys.ts"
import { openapi } from "./openapi.ts"
import { ready } from "./ready.ts"
import { serve } from "./serve.ts"

const boardwalk = Command.make("boardwalk").pipe(
  Command.withDescription(
    [
      "A typed, secure REST API in front of ThingsBoard.",
      "",
      "Exit codes:",
      ...exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(3)}  ${meaning}`)
    ].join("\n")
  ),
  Command.withSubcommands([serve, demo, emulator, doctor, ready, exportCommand, importCommand, keys, config, openapi])
)

class UsageError extends Schema.TaggedError<UsageError>()("WrongUse", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [Runtime.errorReported] = false // the help text was printed with the mistake
}

/** `boardwalk` alone asks what there is; a group such as `boardwalk keys` lacks the verb that it needs. */
const lacksVerb = (commandPath: ReadonlyArray<string>) => commandPath.length > 1

/** What the parser quotes of a wrong call may be a key. */
const withoutKeys = (text: string) => text.replaceAll(/\bbw_\w+/g, "bw_…")

/** Standard output has what was asked for and nothing else, since it is piped into files and secrets. */
const presenter: CliOutput.Presenter = {
  present: Effect.fnUntraced(function* (event) {
    const isAnswer = event._tag === "Version" || (event._tag === "Help" && (event.reason === "Requested" || !lacksVerb(event.commandPath)))
    if (isAnswer) return yield* CliOutput.defaultPresenter.present(event)
    const formatter = yield* CliOutput.Formatter
    yield* Console.error(formatter.formatHelpDoc(event.helpDoc))
    if (event._tag === "InvalidInvocation") yield* Console.error(withoutKeys(formatter.formatErrors(event.errors)))
  })
}

export const run = Command.run(boardwalk, { version: manifest.version }).pipe(
  Effect.provide(
    Layer.mergeAll(
      CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
      CliOutput.layerPresenter(presenter)
    )
  ),
  Effect.catchTag("ShowHelp", ({ commandPath, errors }) =>
    errors.length > 0 || lacksVerb(commandPath) ? Effect.fail(new UsageError()) : Effect.void
  )
)
