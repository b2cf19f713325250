/** What a program needs from the machine (files, terminal, child processes), and how it starts, fails and stops. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Cause, Console, Context, Effect, Exit, Layer, Runtime } from "effect"

const Files = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

export const layer = Layer.mergeAll(Files, NodeStdio.layer, NodeTerminal.layer, NodeChildProcessSpawner.layer.pipe(Layer.provide(Files)))

/** Prints the message of an expected failure, or everything that is known about a bug. */
const report = (escape: (text: string) => string) => (cause: Cause.Cause<unknown>) => {
  if (Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))) return Effect.void
  if (Cause.hasDies(cause)) return Console.error(escape(Cause.pretty(cause)))
  const error = Cause.squash(cause)
  return Console.error(escape(`boardwalk: ${error instanceof Error ? error.message : String(error)}`))
}

/**
 * Runs a server, for which SIGTERM and SIGINT are the usual end: the exit code is 0, or 1 if requests were cut off. Any other program that
 * is stopped has not finished its work, and exits with 143 or 130.
 */
export const untilStopped = <A, E, R>(server: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(CurrentProgram, (program) => {
    program.isServer = true
    return server
  })

/** What the exit code depends on besides a failure. */
export class CurrentProgram extends Context.Reference<{
  isServer: boolean
  /** Whether a server stopped before its requests in flight were finished. */
  isIncomplete: boolean
}>("boardwalk/platform/Runtime/CurrentProgram", { defaultValue: () => ({ isServer: false, isIncomplete: false }) }) {}

const signalExitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Follows SIGINT and SIGTERM, and returns how to ask for the exit code of the first one. Stopping can take as long as the requests in flight;
 * a second signal, of either kind, exits at once.
 */
const followSignals = () => {
  let first: number | undefined
  for (const [signal, exitCode] of Object.entries(signalExitCodes))
    process.on(signal, () => {
      if (first !== undefined) process.exit(exitCode)
      first = exitCode
    })
  return () => first ?? signalExitCodes.SIGINT
}

/** Runs the program until it ends or a signal stops it. A failure exits with its own code, or 1, and `escape` makes its message printable. */
export const runMain = <E>(program: Effect.Effect<void, E>, escape: (text: string) => string = (text) => text) => {
  const exitCodeOfSignal = followSignals()
  const current = { isServer: false, isIncomplete: false }
  NodeRuntime.runMain(Effect.tapCause(Effect.provideService(program, CurrentProgram, current), report(escape)), {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      if (Exit.isSuccess(exit)) return onExit(0)
      if (!Cause.hasInterruptsOnly(exit.cause)) return onExit(Runtime.getErrorExitCode(Cause.squash(exit.cause)))
      if (!current.isServer) return onExit(exitCodeOfSignal())
      onExit(current.isIncomplete ? 1 : 0)
    }
  })
}

/** Whether standard output is a terminal. */
export const isTerminal = Effect.sync(() => process.stdout.isTTY)
