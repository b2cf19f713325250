/** Runs programs whose output is followed, and asks the monitor in a gateway for the longest hold of its event loop. */
import { join } from "node:path"

/** The longest hold of the event loop. */
export interface Hold {
  /** Milliseconds on a CPU. */
  readonly cpuMs: number
  /** Milliseconds by the clock: longer if other processes need the CPU. */
  readonly wallMs: number
  /** Turns of the event loop that were seen. */
  readonly turns: number
  /** Milliseconds on a CPU of a fixed piece of work, now. */
  readonly unitMs: number
}

/** Runs Bun with these arguments, only this environment, and no settings file. Ends with this process at the latest. */
export const startProgram = (args: ReadonlyArray<string>, cwd: string, env: Record<string, string>) => {
  const child = Bun.spawn([process.execPath, "--no-env-file", ...args], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"], ...env }
  })
  process.on("exit", () => child.kill("SIGKILL"))
  let output = ""
  let onOutput = () => {}
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true })
      onOutput()
    }
  }
  void collect(child.stdout)
  void collect(child.stderr)
  /** Waits until the output matches, and returns the first group of the match. */
  const waitFor = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      onOutput = () => {
        const match = pattern.exec(output)
        if (match !== null) resolve(match[1]!)
      }
      onOutput()
      void child.exited.then(() => reject(new Error(`${args.join(" ")} exited:\n${output.slice(-2000)}`)))
    })
  const stop = async () => {
    child.kill("SIGKILL")
    await child.exited
  }
  return { child, output: () => output, stop, waitFor }
}

const main = join(import.meta.dir, "../../src/main.ts")
const monitor = join(import.meta.dir, "monitor.ts")

/** Starts `boardwalk serve` with the monitor, and waits until it listens. */
export const startMonitored = async (cwd: string, env: Record<string, string>) => {
  const program = startProgram(["--preload", monitor, main, "serve", "--port", "0"], cwd, env)
  const url = await program.waitFor(/listens on (http:[^ "]*\d)/)
  let reads = 0
  /** The longest hold since the last call. */
  const readHold = async (): Promise<Hold> => {
    program.child.kill("SIGUSR2")
    return JSON.parse(await program.waitFor(new RegExp(`loop (\\{.*"number":${++reads}\\})`))) as Hold
  }
  return { ...program, url, readHold }
}
