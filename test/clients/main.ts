/**
 * Generates the clients, compiles them and calls every operation of each against the demo. `bun run clients` uses those of CI, `--all` every
 * client, `--only rust,kotlin` some. The last line is "N passed, N failed".
 */
import { Effect } from "effect"
import { parseArgs } from "node:util"
import { clients } from "./clients.ts"
import { startDemo } from "./demo.ts"
import { operations } from "./Operation.ts"
import { type Outcome, runClient } from "./runClient.ts"

/** Compilers use more than one core, and some a gigabyte of memory. */
const concurrency = 2

const { values } = parseArgs({ options: { all: { type: "boolean" }, only: { type: "string" } } })
const names = values.only?.split(",")
const unknown = names?.filter((name) => clients.every((client) => client.name !== name)) ?? []
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(", ")}. The clients are ${clients.map(({ name }) => name).join(", ")}.`)
  process.exit(2)
}
const chosen = clients.filter(({ inCi, name }) => (names === undefined ? values.all === true || inCi : names.includes(name)))

const row = ({ client, compiles, errors, notes, seconds, successes }: Outcome) => {
  const of = (n: number) => (compiles === "yes" ? `${n} of ${operations.length}` : "–")
  return [
    client.name,
    client.generator,
    String(operations.length),
    compiles,
    of(successes),
    of(errors),
    `${seconds.toFixed(0)} s`,
    notes.join("; ")
  ]
}

const printTable = (outcomes: ReadonlyArray<Outcome>) => {
  const rows = [["client", "generator", "operations", "compiles", "success", "error", "time", "notes"], ...outcomes.map(row)]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)))
  for (const cells of rows)
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd()
    )
}

const demo = await startDemo()
const outcomes = await Effect.runPromise(
  Effect.forEach(chosen, (client) => Effect.promise(() => runClient(client, demo.env)), { concurrency })
).finally(() => demo.stop())

for (const { client, faults } of outcomes) {
  for (const fault of faults) console.log(`${client.name}: ${fault}\n`)
}
printTable(outcomes)
const failed = outcomes.filter(({ faults }) => faults.length > 0).length
console.log(`${outcomes.length - failed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
