/**
 * The command `boardwalk`, one file per subcommand. This folder turns flags into settings and results into exit codes; the work is done
 * elsewhere. Commands import what they need when they run, so that `serve` does not load the emulator, nor `config` the server.
 */
import { Console, Effect, Layer, Runtime, Schema, Stdio } from "effect"
import { CliConfig, type CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import manifest from "../../package.json" with { type: "json" }
import { escapeExceptLines } from "../observability/escapeControls.ts"
import { CurrentEnvFile } from "../config/envFile.ts"
import { refuseRuntimeVariables } from "../config/runtimeVariables.ts"
import { config } from "./config.ts"
import { demo } from "./demo.ts"
import { doctor } from "./doctor.ts"
import { emulator } from "./emulator.ts"
import { envFileFlags, takeEnvFile } from "./envFileFlags.ts"
import { exitCodes } from "./exitCodes.ts"
import { exportCommand } from "./export.ts"
import { importCommand } from "./import.ts"
import { keys } from "./keys/keys.ts"
import { openapi } from "./openapi.ts"
import { ready } from "./ready.ts"
import { serve } from "./serve.ts"
import { spool } from "./spool/spool.ts"

const boardwalk = Command.make("boardwalk").pipe(
  Command.withDescription(
    [
      "A typed, secure REST API in front of ThingsBoard.",
      "",
      "Exit codes:",
      ...exitCodes.map(([code, meaning]) => `  ${String(code).padEnd(3)}  ${meaning}`)
    ].join("\n")
  ),
  Command.withGlobalFlags(envFileFlags),
  Command.withSubcommands([serve, demo, emulator, doctor, ready, exportCommand, importCommand, keys, spool, config, openapi])
)

class UsageError extends Schema.TaggedError<UsageError>()("WrongUse", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [Runtime.errorReported] = false // the presenter has printed the error and the help
}

/** `boardwalk` alone shows the help; a group such as `boardwalk keys` requires a subcommand. */
const lacksSubcommand = (commandPath: ReadonlyArray<string>) => commandPath.length > 1

/** Messages may quote files and responses. */
export const printableMessage = escapeExceptLines

/** An argument that the parser quotes in its error may be a key. */
const redactKeys = (text: string) => text.replaceAll(/\bbw_\w+/g, "bw_…")

/** One line per error, and where the flags are explained: the whole help would push the error off the screen. */
const printUsageErrors = Effect.fnUntraced(function* (commandPath: ReadonlyArray<string>, errors: ReadonlyArray<CliError.CliError>) {
  for (const { message } of errors) yield* Console.error(`boardwalk: ${printableMessage(redactKeys(message))}`)
  yield* Console.error(`Run \`${commandPath.join(" ")} --help\` for its flags and examples.`)
})

/** Only requested output goes to standard output, since it may be piped into a file or a secret store. */
const presenter: CliOutput.Presenter = {
  present: Effect.fnUntraced(function* (event) {
    if (event._tag === "InvalidInvocation") return yield* printUsageErrors(event.commandPath, event.errors)
    const isRequested = event._tag === "Version" || event.reason === "Requested" || !lacksSubcommand(event.commandPath)
    if (isRequested) return yield* CliOutput.defaultPresenter.present(event)
    const formatter = yield* CliOutput.Formatter
    yield* Console.error(formatter.formatHelpDoc(event.helpDoc))
  })
}

const runCommand = Command.runWith(boardwalk, { version: manifest.version })

const showUsageError = Effect.fnUntraced(function* ({ errors }: CliError.ShowHelp) {
  yield* printUsageErrors(["boardwalk"], errors)
  return yield* new UsageError()
})

export const run = Effect.gen(function* () {
  yield* refuseRuntimeVariables
  const { args } = yield* Stdio.Stdio
  const { choice, rest } = yield* Effect.catchTag(Effect.flatMap(args, takeEnvFile), "ShowHelp", showUsageError)
  return yield* Effect.provideService(runCommand(rest), CurrentEnvFile, choice)
}).pipe(
  Effect.provide(
    Layer.mergeAll(
      CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
      CliOutput.layerPresenter(presenter)
    )
  ),
  Effect.catchTag("ShowHelp", ({ commandPath, errors }) =>
    errors.length > 0 || lacksSubcommand(commandPath) ? Effect.fail(new UsageError()) : Effect.void
  )
)
