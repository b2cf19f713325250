/** `bun run bench auth`: the cost of verifying a key, and of authentication with rate limiting in memory. */
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
  if (figures.status !== 204) throw new Error(`The measured request was rejected with ${figures.status}.`)
  const results = [
    atMost("verify one of 1,000 keys", figures.verify, 5, "µs"),
    atMost("authenticate and rate-limit a request", figures.both, 20, "µs", "includes the headers and the count of requests in flight")
  ]
  return { text: verdicts(results), figures, verdicts: results }
}
