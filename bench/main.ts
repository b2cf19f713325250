/**
 * `bun run bench`: what Boardwalk costs, beside the least that Bun can do for the same job. A command a file: http.ts, export.ts, import.ts, auth.ts.
 * Here live the harness and the two servers it compares with (upstream.ts, peer.ts); nothing here may be imported by src, and nothing here
 * imports src: Boardwalk is measured from outside, as it is served. The exception is `inside`, for what is too small to be seen from there.
 */
import { benchAuth } from "./auth.ts"
import { benchExport } from "./export.ts"
import { benchHttp } from "./http.ts"
import { benchImport } from "./import.ts"
import { canMeasure, machine } from "./measure.ts"
import { type Options, parseOptions, usage } from "./options.ts"
import { cpus, pinned, stopAll } from "./processes.ts"

const commands: Record<string, (options: Options) => Promise<{ readonly text: string }>> = {
  http: benchHttp,
  export: benchExport,
  import: benchImport,
  auth: benchAuth
}

const notes = ({ load }: ReturnType<typeof machine>, options: Options) => [
  ...(pinned ? [] : ["NOT PINNED: without `taskset` and two CPUs, server and generator take time from each other; read the ratios only."]),
  ...(load > cpus.length / 4 ? [`BUSY MACHINE: the load is ${load} before the start; run it again when the machine is quiet.`] : []),
  ...(options.profile === undefined ? [] : ["PROFILED: the profiler's own time is in the figures."]),
  ...(options.short ? ["TRIAL RUN: too short to believe."] : [])
]

const run = async (options: Options) => {
  const chosen = options.command === "all" ? Object.keys(commands) : [options.command]
  const [about, results] = [machine(cpus.length), {} as Record<string, unknown>]
  const warnings = notes(about, options)
  if (!options.json) console.log([`${about.cpu}, ${about.cpus} CPUs, Bun ${about.bun}`, ...warnings].join("\n"))
  for (const name of chosen) {
    const { text, ...result } = await commands[name]!(options).finally(stopAll)
    results[name] = result
    if (!options.json) console.log(`\n## ${name}\n\n${text}`)
  }
  if (options.json) console.log(JSON.stringify({ machine: about, pinned, warnings, ...results }, undefined, 2))
}

const options = parseOptions(process.argv.slice(2))
if (options.command !== "all" && commands[options.command] === undefined) {
  console.log(usage)
  process.exit(options.command === "help" ? 0 : 2)
}
if (!canMeasure) {
  console.error("The benchmark reads CPU time and memory from /proc, which this system does not have. Run it on Linux, or in a container.")
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
