/** CPU time and memory of a process, from Linux's /proc. Other systems have no such files, so the benchmark does not run on them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"

export const canMeasure = existsSync("/proc/self/stat")

const readTicksPerSecond = () => {
  const output = Bun.which("getconf") === null ? undefined : Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString()
  return Number(output) || 100
}
const ticksPerSecond = readTicksPerSecond()

/** CPU seconds that the process has used: user and system time of all its threads, including ended ones. */
export const cpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
  // The name in parentheses may contain spaces; utime and stime are the 12th and 13th fields after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

export interface Memory {
  /** Megabytes (2^20 bytes) resident now. */
  readonly rss: number
  /** Maximum since the process started, or since `resetPeak`. */
  readonly peak: number
}

export const memory = (pid: number): Memory => {
  const status = readFileSync(`/proc/${pid}/status`, "latin1")
  const megabytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? Number.NaN) / 1_024
  return { rss: megabytes("VmRSS"), peak: megabytes("VmHWM") }
}

/** Resets the peak. False where the kernel does not allow it; peaks then count from the start of the process. */
export const resetPeak = (pid: number): boolean => {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5")
    return true
  } catch {
    return false
  }
}

/** The numbers of the CPUs that this process may use. */
export const allowedCpus = (): ReadonlyArray<number> => {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0"
  return list.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number)
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index) => first! + index)
  })
}

/** Describes the machine, so that nobody compares figures from different machines. */
export const describeMachine = (cpus: number) => {
  const cpu = /^model name\s*:\s*(.+)$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[1] ?? process.arch
  const load = readFileSync("/proc/loadavg", "latin1").split(" ")[0]
  return { cpu, cpus, load: Number(load), bun: Bun.version }
}
