/** Keys and limits: what checking a key costs, and authentication with limiting, in memory. */
import { join } from "node:path"
import type { Options } from "./options.ts"
import { onServerCpu } from "./processes.ts"
import { atMost, verdicts } from "./report.ts"

interface Figures {
  readonly verify: number
  readonly both: number
  readonly status: number
}

export const benchAuth = async ({ rounds, short }: Options) => {
  const program = join(import.meta.dir, "inside", "auth.ts")
  const child = Bun.spawn(onServerCpu([process.execPath, program, String(rounds * 3), String(short ? 200 : 20_000)]), {
    stdout: "pipe",
    stderr: "inherit"
  })
  const text = await new Response(child.stdout).text()
  if ((await child.exited) !== 0) throw new Error("The measuring process failed.")
  const figures = JSON.parse(text) as Figures
  if (figures.status !== 204) throw new Error(`The measured request was refused with ${figures.status}.`)
  const results = [
    atMost("verifying a key, of a thousand", figures.verify, 5, "µs"),
    atMost("authentication and limiting of a request", figures.both, 20, "µs", "headers told, a place in flight held")
  ]
  return { text: verdicts(results), figures, verdicts: results }
}
