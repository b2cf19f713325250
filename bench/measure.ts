/** What Linux knows of a process: CPU time and memory, from /proc. Other systems have no such files, so there the benchmark does not run. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"

export const canMeasure = existsSync("/proc/self/stat")

const ticksPerSecond = () => {
  const answer = Bun.which("getconf") === null ? undefined : Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString()
  return Number(answer) || 100
}
const tick = ticksPerSecond()

/** Seconds of CPU that the process has used, user and system, all its threads together (also those that have ended). */
export const cpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
  // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / tick
}

export interface Memory {
  /** Megabytes (2^20 bytes) resident now. */
  readonly rss: number
  /** The most since the process started, or since `resetPeak`. */
  readonly peak: number
}

export const memory = (pid: number): Memory => {
  const status = readFileSync(`/proc/${pid}/status`, "latin1")
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN) / 1_024
  return { rss: megabytes("VmRSS"), peak: megabytes("VmHWM") }
}

/** Lets the peak start anew. False where the kernel does not allow it; then peaks are those since the start. */
export const resetPeak = (pid: number): boolean => {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5")
    return true
  } catch {
    return false
  }
}

/** The CPUs that this process may use, by number. */
export const allowedCpus = (): ReadonlyArray<number> => {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0"
  return list.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number)
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index) => first! + index)
  })
}

/** Where figures come from, so that nobody compares two machines. */
export const machine = (cpus: number) => {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[1] ?? process.arch
  const load = readFileSync("/proc/loadavg", "latin1").split(" ")[0]
  return { cpu, cpus, load: Number(load), bun: Bun.version }
}
