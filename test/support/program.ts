/** The program as people start it: a process of its own with only the given environment, in an empty folder. */
import { Effect } from "effect"
import { join } from "node:path"
import { temporaryFolder } from "./temporaryFolder.ts"
import { checkArgumentsForLeaks } from "./leaks/processes.ts"
import { checkForLeaks, checkStreamForLeaks, registerSecret } from "./leaks/watch.ts"

/** What Bun runs. */
export const main = new URL("../../src/main.ts", import.meta.url).pathname

export interface Program {
  /** Everything written so far. */
  readonly output: () => string
  /** Standard output and error when the process has ended. */
  readonly exited: Effect.Effect<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  /** Waits until the output has it, and gives the match. */
  readonly waitForOutput: (words: RegExp) => Effect.Effect<RegExpExecArray>
}

const collect = async (stream: ReadableStream<Uint8Array>, keep: (text: string) => void) => {
  const decoder = new TextDecoder()
  let all = ""
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true })
    all += text
    keep(text)
  }
  return all
}

const folderWith = Effect.fnUntraced(function* (files: Record<string, string>) {
  const path = yield* temporaryFolder("program")
  yield* Effect.promise(() => Promise.all(Object.entries(files).map(([name, text]) => Bun.write(join(path, name), text))))
  return path
})

const mintedKey = /\bbw_[0-9A-Za-z]{46}\b/g

/** Starts `boardwalk` with these arguments; killed when the scope closes. */
export const startProgram = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  environment: Record<string, string> = {},
  files: Record<string, string> = {},
  command: ReadonlyArray<string> = [process.execPath, "--no-env-file", main]
) {
  const cwd = yield* folderWith(files)
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
  const keep = (text: string) => {
    written += text
    for (const listener of listeners) listener()
  }
  const seen = (stream: string) => {
    const see = checkStreamForLeaks(`${stream} of ${name}`)
    return (text: string) => {
      see(text)
      keep(text)
    }
  }
  const everything = Promise.all([collect(child.stdout, seen("standard output")), collect(child.stderr, seen("standard error"))])
  const program: Program = {
    output: () => written,
    exited: Effect.promise(async () => {
      const [stdout, stderr] = await everything
      for (const [key] of stdout.matchAll(mintedKey)) registerSecret("a key that was minted", key)
      return { exitCode: await child.exited, stdout, stderr }
    }),
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    waitForOutput: (words) =>
      Effect.callback<RegExpExecArray>((resume) => {
        const search = () => {
          const match = words.exec(written)
          if (match === null) return
          listeners.delete(search)
          checkArgumentsForLeaks(name, child.pid)
          resume(Effect.succeed(match))
        }
        listeners.add(search)
        void child.exited.then(() => {
          if (!words.test(written)) resume(Effect.die(new Error(`ended without saying ${String(words)}:\n${written}`)))
        })
        search()
        return Effect.sync(() => listeners.delete(search))
      })
  }
  return program
})

/** Runs it to its end. */
export const runProgram = (args: ReadonlyArray<string>, environment: Record<string, string> = {}, files: Record<string, string> = {}) =>
  Effect.scoped(Effect.flatMap(startProgram(args, environment, files), ({ exited: ended }) => ended))
