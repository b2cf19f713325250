/** The program as people start it: a process of its own with only the given environment, in an empty folder. */
import { Effect } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const main = new URL("../../src/main.ts", import.meta.url).pathname

export interface Program {
  /** Everything written so far. */
  readonly output: () => string
  /** Standard output and error when the process has ended. */
  readonly ended: Effect.Effect<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  /** Waits until the output has it, and gives the match. */
  readonly says: (words: RegExp) => Effect.Effect<RegExpExecArray>
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

const folder = (files: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const path = await mkdtemp(join(tmpdir(), "boardwalk-"))
      await Promise.all(Object.entries(files).map(([name, text]) => Bun.write(join(path, name), text)))
      return path
    }),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )

/** Starts `boardwalk` with these arguments; killed when the scope closes. */
export const start = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  environment: Record<string, string> = {},
  files: Record<string, string> = {},
  command: ReadonlyArray<string> = [process.execPath, "--no-env-file", main]
) {
  const cwd = yield* folder(files)
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
    (child) => Effect.promise(() => (child.kill("SIGKILL"), child.exited))
  )
  let written = ""
  const listeners = new Set<() => void>()
  const keep = (text: string) => {
    written += text
    for (const listener of listeners) listener()
  }
  const everything = Promise.all([collect(child.stdout, keep), collect(child.stderr, keep)])
  const program: Program = {
    output: () => written,
    ended: Effect.promise(async () => {
      const [stdout, stderr] = await everything
      return { exitCode: await child.exited, stdout, stderr }
    }),
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    says: (words) =>
      Effect.callback<RegExpExecArray>((resume) => {
        const look = () => {
          const match = words.exec(written)
          if (match === null) return
          listeners.delete(look)
          resume(Effect.succeed(match))
        }
        listeners.add(look)
        void child.exited.then(() => {
          if (!words.test(written)) resume(Effect.die(new Error(`ended without saying ${String(words)}:\n${written}`)))
        })
        look()
        return Effect.sync(() => listeners.delete(look))
      })
  }
  return program
})

/** Runs it to its end. */
export const run = (args: ReadonlyArray<string>, environment: Record<string, string> = {}, files: Record<string, string> = {}) =>
  Effect.scoped(Effect.flatMap(start(args, environment, files), ({ ended }) => ended))
