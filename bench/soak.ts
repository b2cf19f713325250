/**
 * `bun run soak`: mixed load on the gateway while ThingsBoard (the emulator), and Redis if it is used, fail at random. Fails if something
 * that was acknowledged is missing afterwards, if memory or descriptors keep growing, or if the gateway does not recover.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { startProgram } from "./loop/monitored.ts"
import { canMeasure, memory } from "./measure.ts"
import { hasRedis } from "./redis.ts"
import { injectFaults } from "./soak/faults.ts"
import { countMissing, makeLoad, type Target } from "./soak/load.ts"
import { startRedis } from "./soak/redisFaults.ts"

const usage = `bun run soak [options]

  --seconds N   length of the load (default 600)
  --seed N      repeats the requests and faults of a run (default: random, printed)
  --workers N   requests at the same time (default 12)
  --redis       keeps the queue, rate limits and pauses in a Redis server, which fails at random as well`

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    seed: { type: "string" },
    workers: { type: "string", default: "12" },
    redis: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false }
  }
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
if (!canMeasure || (values.redis && !hasRedis)) {
  console.error(
    canMeasure ? "redis-server is not installed." : "The soak reads memory and descriptors from /proc, which this system does not have."
  )
  process.exit(2)
}
const seconds = Number(values.seconds)
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))

/** MB per minute. A shorter run shows how the process warms up, not how it goes on. */
const maxMemorySlope = 2
const minSecondsForMemory = 300
/** Per minute, in the second half of the run. */
const maxDescriptorSlope = 20
/** How many more may be open after the load than before: 64 idle connections to ThingsBoard, and those of the load itself, which may have made each twice. */
const maxKeptDescriptors = 64 + 2 * Number(values.workers) + 10

const apiKey = "soak-4f1c9d2e7a6b5038c1d4e9f2a7b60358"
const main = join(import.meta.dir, "../src/main.ts")
const folder = mkdtempSync(join(tmpdir(), "boardwalk-soak-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

interface Sample {
  readonly minute: number
  readonly megabytes: number
  readonly descriptors: number
}

/** Least squares, over the second half of the samples. */
const slopeOf = (samples: ReadonlyArray<Sample>, name: "megabytes" | "descriptors") => {
  const half = samples.slice(samples.length >> 1)
  const mean = (of: (sample: Sample) => number) => half.reduce((sum, sample) => sum + of(sample), 0) / half.length
  const [x, y] = [mean(({ minute }) => minute), mean((sample) => sample[name])]
  const spread = half.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0)
  return spread === 0 ? 0 : half.reduce((sum, sample) => sum + (sample.minute - x) * (sample[name] - y), 0) / spread
}

const createDevices = async (emulator: string, count: number) => {
  const post = async (path: string, body: unknown, headers = {}) => {
    const response = await fetch(emulator + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body)
    })
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    return (await response.json()) as { readonly token: string; readonly id: { readonly id: string } }
  }
  const { token } = await post("/api/auth/login", { username: "tenant@thingsboard.org", password: "tenant" })
  const headers = { "x-authorization": `Bearer ${token}` }
  const names = Array.from({ length: count }, (_, i) => `Soak ${i}`)
  return Promise.all(names.map(async (name) => (await post("/api/device", { name, type: "soak" }, headers)).id.id))
}

const emulator = startProgram([main, "emulator", "--empty", "--port", "0"], folder, {})
const emulatorUrl = await emulator.waitFor(/(http:\/\/[\d.]+:\d+)/)
const devices = await createDevices(emulatorUrl, 20)
const redis = values.redis ? await startRedis(folder) : undefined
const gateway = startProgram([main, "serve", "--port", "0"], folder, {
  TB_HOST: emulatorUrl,
  TB_USERNAME: "tenant@thingsboard.org",
  TB_PASSWORD: "tenant",
  TB_TIMEOUT: "1s",
  API_KEY: apiKey,
  HOST: "127.0.0.1",
  RATE_LIMIT_REQUESTS: "100000000",
  ...(redis === undefined ? { SPOOL_DIR: join(folder, "spool") } : { SPOOL_REDIS_URL: redis.url, REDIS_URL: redis.url })
})
const url = await gateway.waitFor(/listens on (http:[^ "]*\d)/)
const { pid } = gateway.child

const descriptors = () => readdirSync(`/proc/${pid}/fd`).length
const target: Target = { url, devices, headers: { "x-api-key": apiKey } }
const load = makeLoad(target, seed)
const before = descriptors()
const startedAt = performance.now()
const isOver = () => performance.now() - startedAt > seconds * 1000
const samples: Array<Sample> = []
const sampling = setInterval(
  () => samples.push({ minute: (performance.now() - startedAt) / 60_000, megabytes: memory(pid).rss, descriptors: descriptors() }),
  Math.min(1000, seconds * 20)
)
console.log(`seed ${seed}, ${seconds} s, ${values.workers} workers`)
const [faults, redisFaults] = await Promise.all([
  injectFaults(emulatorUrl, seed, isOver),
  redis?.injectFaults(seed, isOver) ?? 0,
  ...Array.from({ length: Number(values.workers) }, (_, worker) => load.run(worker, isOver))
])
clearInterval(sampling)

const recoveryStart = performance.now()
/** Ready, and everything that was queued is stored. */
const isReady = async () => {
  const response = await fetch(`${url}/ready`)
  return response.status === 200 && (await response.text()).includes("No points wait.")
}
while (!(await isReady()) && performance.now() - recoveryStart < 60_000) await Bun.sleep(100)
const recovered = await isReady()
const missing = recovered ? await countMissing(target, load.acknowledged) : Number.NaN
const acknowledged = [...load.acknowledged.values()].reduce((sum, { size }) => sum + size, 0)
const kept = descriptors() - before
const [memorySlope, descriptorSlope] = [slopeOf(samples, "megabytes"), slopeOf(samples, "descriptors")]

for (const [name, count] of [...load.counts].sort()) console.log(`${name.padEnd(24)}${String(count).padStart(8)}`)
console.log(
  `faults injected: ${faults}, of Redis: ${redisFaults}; memory: ${memory(pid).rss.toFixed(0)} MB, peak ${memory(pid).peak.toFixed(0)} MB`
)

const checks: ReadonlyArray<readonly [text: string, isGood: boolean]> = [
  [`acknowledged points: ${acknowledged}, missing: ${missing}`, acknowledged > 0 && missing === 0],
  [`ready again after the faults: ${recovered ? "yes" : "no"}`, recovered],
  [
    `memory slope: ${memorySlope.toFixed(2)} MB/min${seconds < minSecondsForMemory ? " (not checked: too short)" : ""}`,
    seconds < minSecondsForMemory || memorySlope <= maxMemorySlope
  ],
  [
    `descriptor slope: ${descriptorSlope.toFixed(2)} per minute${seconds < minSecondsForMemory ? " (not checked: too short)" : ""}`,
    seconds < minSecondsForMemory || descriptorSlope <= maxDescriptorSlope
  ],
  [`descriptors kept: ${kept}`, kept <= maxKeptDescriptors]
]
for (const [text, isGood] of checks) console.log(`${isGood ? "ok  " : "FAIL"} ${text}`)
await Promise.all([gateway.stop(), emulator.stop()])
const failed = checks.filter(([, isGood]) => !isGood).length
console.log(`${checks.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
