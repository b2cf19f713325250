/** `bun run bench loop`: the longest time that one request of each kind holds the event loop. */
import { hostileRequests } from "./loop/hostile.ts"
import { maxHoldMs, type Outcome, startWatched } from "./loop/watched.ts"
import type { Options } from "./options.ts"
import { atMost, figure, median, table, verdicts } from "./report.ts"

export const benchLoop = async ({ only, rounds, short }: Options) => {
  const gateway = await startWatched()
  const selected = hostileRequests.filter(({ name }) => only.length === 0 || only.some((word) => name.includes(word)))
  const results = []
  for (const { status, ...request } of selected) {
    const outcomes: Array<Outcome> = []
    // The first round compiles the code; it counts, too, because it holds the loop as much.
    for (let round = 0; round < (short ? 1 : Math.min(3, rounds)); round++) outcomes.push(await gateway.send({ ...request, status }))
    const wrong = outcomes.find((outcome) => !status.includes(outcome.status))
    if (wrong !== undefined) throw new Error(`${request.name}: status ${wrong.status}: ${wrong.text}`)
    const max = (value: (outcome: Outcome) => number) => Math.max(...outcomes.map(value))
    results.push({
      name: request.name,
      status: outcomes[0]!.status,
      cpuMs: max(({ cpuMs }) => cpuMs),
      wallMs: max(({ wallMs }) => wallMs),
      seconds: max(({ seconds }) => seconds),
      unitMs: median(outcomes.map(({ unitMs }) => unitMs))
    })
  }
  await gateway.stop()
  const rows = results.map(({ cpuMs, name, seconds, status, wallMs }) => [name, String(status), ...[cpuMs, wallMs, seconds].map(figure)])
  const unitMs = median(results.map((result) => result.unitMs))
  const list = [
    atMost(
      "longest hold of the event loop",
      Math.max(...results.map(({ cpuMs }) => cpuMs)),
      maxHoldMs({ unitMs }),
      "ms",
      `the fixed piece of work takes ${figure(unitMs)} ms`
    )
  ]
  const head = ["request", "status", "hold, ms of CPU", "hold, ms", "response after, s"]
  return { results, verdicts: list, text: `${table(head, rows)}\n\n${verdicts(list)}` }
}
