/**
 * Runs inside the server's process, by `bun --preload`: measures how long the event loop is held. On SIGUSR2 it prints the longest hold
 * since the last time, as a line `loop {"cpuMs":…}` on standard error.
 *
 * A timer fires each millisecond; what lies between two of its calls is a hold. Linux counts the nanoseconds that the thread was on a CPU,
 * so a hold does not grow while other processes have the CPU.
 */
import { openSync, readSync, writeSync } from "node:fs"

const buffer = Buffer.alloc(64)
const schedstat = openSync("/proc/thread-self/schedstat", "r")

/** Milliseconds that this thread was on a CPU. */
const cpuMillis = () => Number(buffer.toString("latin1", 0, readSync(schedstat, buffer, 0, 64, 0)).split(" ", 1)[0]) / 1e6

let cpu = cpuMillis()
let wall = performance.now()
let count = 0
let longest = { cpuMs: 0, wallMs: 0, turns: 0 }

const measure = () => {
  const [cpuNow, wallNow] = [cpuMillis(), performance.now()]
  // Neither is shorter than the hold: the clock also counts waiting for a CPU, and the kernel may credit CPU time late.
  const hold = Math.min(cpuNow - cpu, wallNow - wall)
  longest = {
    cpuMs: Math.max(longest.cpuMs, hold),
    wallMs: Math.max(longest.wallMs, wallNow - wall),
    turns: longest.turns + 1
  }
  cpu = cpuNow
  wall = wallNow
}

setInterval(measure, 1).unref()

const text = JSON.stringify(Array.from({ length: 7000 }, (_, i) => ({ ts: i, value: `value ${i}` })))
const bytes = Buffer.from(text)

/** Work of the kind that requests cause: scanning and parsing JSON. */
const work = () => {
  let quotes = 0
  for (let round = 0; round < 4; round++) for (let i = 0; i < bytes.length; i++) if (bytes[i] === 34) quotes++
  return quotes + (JSON.parse(text) as Array<unknown>).length
}

/** The time of the work, which says how fast the machine is now: `referenceMs` on the machine of the documented figures when it is idle. */
const calibrate = () => {
  work()
  const before = cpuMillis()
  for (let round = 0; round < 5; round++) work()
  return (cpuMillis() - before) / 5
}

process.on("SIGUSR2", () => {
  measure()
  writeSync(2, `loop ${JSON.stringify({ ...longest, unitMs: calibrate(), number: ++count })}\n`)
  longest = { cpuMs: 0, wallMs: 0, turns: 0 }
  cpu = cpuMillis()
  wall = performance.now()
})
