/**
 * `--env-file` and `--no-env-file`, which all commands accept. They are taken out of the arguments before the parser sees them, since other
 * flags have defaults from that file. The parser only knows them for its help and its completions.
 */
import { Effect } from "effect"
import { CliError, Flag, GlobalFlag } from "effect/cli"
import type { EnvFileChoice } from "../config/envFile.ts"
import { usageError } from "./flags.ts"

export const envFileFlags = [
  GlobalFlag.Setting("env-file")({
    flag: Flag.String("env-file").pipe(
      Flag.withMetavar("path"),
      Flag.withDescription("Read settings from this file instead of .env in the working directory; it must exist"),
      Flag.optional
    )
  }),
  GlobalFlag.Setting("no-env-file")({
    flag: Flag.Boolean("no-env-file").pipe(Flag.withDescription("Read settings from the environment only"), Flag.withDefault(false))
  })
] as const

interface Invocation {
  readonly choice: EnvFileChoice
  /** The arguments without these two flags. */
  readonly rest: ReadonlyArray<string>
}

export const takeEnvFile = (args: ReadonlyArray<string>): Effect.Effect<Invocation, CliError.ShowHelp> => {
  const end = args.includes("--") ? args.indexOf("--") : args.length
  const rest: Array<string> = []
  const choices: Array<EnvFileChoice> = []
  for (let index = 0; index < end; index++) {
    const arg = args[index]!
    if (arg === "--no-env-file") choices.push("none")
    else if (arg === "--env-file" || arg.startsWith("--env-file=")) {
      const path = arg === "--env-file" ? args[++index] : arg.slice("--env-file=".length)
      if (path === undefined || index >= end || path.trim() === "" || (arg === "--env-file" && path.startsWith("-")))
        return Effect.fail(usageError([], "--env-file needs the path of a file"))
      choices.push({ path })
    } else rest.push(arg)
  }
  if (choices.length > 1) return Effect.fail(usageError([], "Only one --env-file or --no-env-file can be given"))
  return Effect.succeed({ choice: choices[0] ?? "found", rest: [...rest, ...args.slice(end)] })
}
