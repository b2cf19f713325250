/** What a stopped or failed transfer says: how to continue. */
import { Console, Effect, Stdio } from "effect"
import { escapeControls } from "../observability/escapeControls.ts"

const isPlain = /^[\w@%+=:,./-]+$/

const quote = (argument: string) => (isPlain.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`)

/** The arguments without the key, which must not appear in a terminal's history or a log. */
const withoutKey = (args: ReadonlyArray<string>) =>
  args.filter((argument, i) => argument !== "--key" && args[i - 1] !== "--key" && !argument.startsWith("--key="))

/** The command line of this program, for messages. */
export const currentCommand = Effect.map(
  Effect.flatMap(Stdio.Stdio, ({ args }) => args),
  (args) => ["boardwalk", ...withoutKey(args)].map(quote).join(" ")
)

/** Prints how far a transfer got when a signal stops it or it fails, and the command that continues it. */
export const explainStop =
  (progressSoFar: () => string, howToContinue: string) =>
  <A, E, R>(transfer: Effect.Effect<A, E, R>) =>
    Effect.flatMap(currentCommand, (command) => {
      const print = (what: string) =>
        Effect.suspend(() => Console.error(`${what} after ${progressSoFar()}. ${howToContinue}\n  ${escapeControls(command)}`))
      return transfer.pipe(
        Effect.onInterrupt(() => print("Stopped")),
        Effect.tapError(() => print("Failed"))
      )
    })
