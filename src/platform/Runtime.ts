/** What a program needs of the machine (files, terminal, child processes) and how it starts, fails and stops. */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Cause, Console, Effect, Exit, Layer, Runtime } from "effect"

const Files = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

export const layer = Layer.mergeAll(Files, NodeStdio.layer, NodeTerminal.layer, NodeChildProcessSpawner.layer.pipe(Layer.provide(Files)))

/** An expected failure is told in its own words; a bug with all that is known about it. */
const report = (cause: Cause.Cause<unknown>) => {
  if (Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))) return Effect.void
  if (Cause.hasDies(cause)) return Console.error(Cause.pretty(cause))
  const error = Cause.squash(cause)
  return Console.error(`boardwalk: ${error instanceof Error ? error.message : String(error)}`)
}

/** Stopping may take as long as requests in flight do; who presses Ctrl+C again does not want to wait. */
const exitOnSecondInterrupt = () => process.once("SIGINT", () => process.once("SIGINT", () => process.exit(130)))

/** Runs the program until it ends or SIGTERM or SIGINT stops it, which is success: exit code 0. A failure may name its own code, else 1. */
export const runMain = <E>(program: Effect.Effect<void, E>) => {
  exitOnSecondInterrupt()
  NodeRuntime.runMain(Effect.tapCause(program, report), {
    disableErrorReporting: true,
    teardown: (exit, onExit) => {
      if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return onExit(0)
      onExit(Runtime.getErrorExitCode(Cause.squash(exit.cause)))
    }
  })
}

/** Whether people look at the output. */
export const isTerminal = Effect.sync(() => process.stdout.isTTY)
