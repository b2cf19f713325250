/**
 * Runs the program as users do: as a process, with only the given environment, in an empty folder. `bun run test` builds the binary first and
 * names it in BOARDWALK_BINARY: it starts four times as fast as the source, which is what runs without that variable.
 */
import { Effect } from "effect"
import { join } from "node:path"
import { temporaryFolder } from "./temporaryFolder.ts"
import { checkArgumentsForLeaks } from "./leaks/processes.ts"
import { checkForLeaks, checkStreamForLeaks, registerSecret } from "./leaks/watch.ts"

/** The file that Bun runs. */
export const main = new URL("../../src/main.ts", import.meta.url).pathname

/** The binary that was built for the tests, if any. */
export const binary = process.env.BOARDWALK_BINARY

/** The words of a command line before the arguments of `boardwalk`. */
export const boardwalk: ReadonlyArray<string> = binary === undefined ? [process.execPath, "--no-env-file", main] : [binary]

export interface Program {
  /** All output so far. */
  readonly output: () => string
  /** Waits for the process to exit. */
  readonly exited: Effect.Effect<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  /** Waits until the output matches the pattern, and returns the match. */
  readonly waitForOutput: (pattern: RegExp) => Effect.Effect<RegExpExecArray>
}

const collect = async (stream: ReadableStream<Uint8Array>, onText: (text: string) => void) => {
  const decoder = new TextDecoder()
  let all = ""
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true })
    all += text
    onText(text)
  }
  return all
}

const makeFolder = Effect.fnUntraced(function* (files: Record<string, string>) {
  const path = yield* temporaryFolder("program")
  yield* Effect.promise(() => Promise.all(Object.entries(files).map(([name, text]) => Bun.write(join(path, name), text))))
  return path
})

const generatedKey = /\bbw_[0-9A-Za-z]{46}\b/g

/** Starts `boardwalk` with these arguments, and kills it when the scope closes. */
export const startProgram = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  environment: Record<string, string> = {},
  files: Record<string, string> = {},
  command: ReadonlyArray<string> = boardwalk
) {
  const cwd = yield* makeFolder(files)
  const name = ["boardwalk", ...args.slice(0, 2).filter((word) => /^[a-z]+$/.test(word))].join(" ")
  checkForLeaks(`arguments of ${name}`, args.join(" "))
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...command, ...args], {
        cwd,
        env: { PATH: process.env.PATH, ...environment },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe"
      })
    ),
    (child) => Effect.promise(() => (checkArgumentsForLeaks(name, child.pid), child.kill("SIGKILL"), child.exited))
  )
  let written = ""
  const listeners = new Set<() => void>()
  const append = (text: string) => {
    written += text
    for (const listener of listeners) listener()
  }
  const watch = (stream: string) => {
    const check = checkStreamForLeaks(`${stream} of ${name}`)
    return (text: string) => {
      check(text)
      append(text)
    }
  }
  const output = Promise.all([collect(child.stdout, watch("standard output")), collect(child.stderr, watch("standard error"))])
  const program: Program = {
    output: () => written,
    exited: Effect.promise(async () => {
      const [stdout, stderr] = await output
      for (const [key] of stdout.matchAll(generatedKey)) registerSecret("a generated key", key)
      return { exitCode: await child.exited, stdout, stderr }
    }),
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    waitForOutput: (pattern) =>
      Effect.callback<RegExpExecArray>((resume) => {
        const search = () => {
          const match = pattern.exec(written)
          if (match === null) return
          listeners.delete(search)
          checkArgumentsForLeaks(name, child.pid)
          resume(Effect.succeed(match))
        }
        listeners.add(search)
        void child.exited.then(() => {
          if (!pattern.test(written)) resume(Effect.die(new Error(`The program exited without the output ${String(pattern)}:\n${written}`)))
        })
        search()
        return Effect.sync(() => listeners.delete(search))
      })
  }
  return program
})

/** Runs `boardwalk` until it exits. */
export const runProgram = (args: ReadonlyArray<string>, environment: Record<string, string> = {}, files: Record<string, string> = {}) =>
  Effect.scoped(Effect.flatMap(startProgram(args, environment, files), ({ exited }) => exited))
