/**
 * `bun run bench`: the cost of Boardwalk, compared with a minimal Bun server that does the same job. One file per command: http.ts, export.ts,
 * import.ts, auth.ts, loop.ts, plant.ts, spool.ts. This folder also has the harness and two servers: the upstream (upstream.ts) and the minimal server (peer.ts). It imports
 * nothing from src, and src imports nothing from here: Boardwalk is measured from outside, as it is deployed. The exceptions are `inside`, for
 * work that is too small to be measured from outside, and `plant`, whose ThingsBoard is the emulator.
 */
import { benchAuth } from "./auth.ts"
import { benchExport } from "./export.ts"
import { benchHttp } from "./http.ts"
import { benchImport } from "./import.ts"
import { benchLoop } from "./loop.ts"
import { benchPlant } from "./plant.ts"
import { benchSpool } from "./spool.ts"
import { canMeasure, describeMachine } from "./measure.ts"
import { type Options, parseOptions, usage } from "./options.ts"
import { cpus, pinned, stopAll } from "./processes.ts"

const commands: Record<string, (options: Options) => Promise<{ readonly text: string }>> = {
  http: benchHttp,
  export: benchExport,
  import: benchImport,
  auth: benchAuth,
  loop: benchLoop,
  plant: benchPlant,
  spool: benchSpool
}

const warningsFor = ({ load }: ReturnType<typeof describeMachine>, options: Options) => [
  ...(pinned
    ? []
    : [
        "NOT PINNED: without `taskset` and two CPUs, the server and the load generator compete for CPU time; only the ratios are meaningful."
      ]),
  ...(load > cpus.length / 4
    ? [`BUSY MACHINE: the load average is ${load} before the start; run the benchmark again when the machine is idle.`]
    : []),
  ...(options.profile === undefined ? [] : ["PROFILED: the figures include the profiler's overhead."]),
  ...(options.short ? ["TRIAL RUN: too short for meaningful figures."] : [])
]

const run = async (options: Options) => {
  const selected = options.command === "all" ? Object.keys(commands) : [options.command]
  const [machine, results] = [describeMachine(cpus.length), {} as Record<string, unknown>]
  const warnings = warningsFor(machine, options)
  if (!options.json) console.log([`${machine.cpu}, ${machine.cpus} CPUs, Bun ${machine.bun}`, ...warnings].join("\n"))
  for (const name of selected) {
    const { text, ...result } = await commands[name]!(options).finally(stopAll)
    results[name] = result
    if (!options.json) console.log(`\n## ${name}\n\n${text}`)
  }
  if (options.json) console.log(JSON.stringify({ machine, pinned, warnings, ...results }, undefined, 2))
}

const options = parseOptions(process.argv.slice(2))
if (options.command !== "all" && commands[options.command] === undefined) {
  console.log(usage)
  process.exit(options.command === "help" ? 0 : 2)
}
if (!canMeasure) {
  console.error("The benchmark reads CPU time and memory from /proc, which this system does not have. Run it on Linux or in a container.")
  process.exit(2)
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))
try {
  await run(options)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
process.exit()
