/**
 * Starts, pins and stops the processes of a benchmark. The server under test has a CPU of its own; the upstream, the load generator (this
 * process) and the probe share another one.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { allowedCpus } from "./measure.ts"
import type { Options } from "./options.ts"
import { freePort, hasRedis, redisCommand, waitForRedis } from "./redis.ts"
import { password, username } from "./upstream/sessions.ts"

const here = import.meta.dir
const repository = join(here, "..")
const apiKey = "bench-4f1c9d2e7a6b5038c1d4e9f2a7b60358"
/** The working directory of every process, so that no .env or bunfig.toml affects the figures. */
export const emptyFolder = mkdtempSync(join(tmpdir(), "boardwalk-bench-"))

/** Must be read before this process pins itself. */
export const cpus = allowedCpus()
const taskset = Bun.which("taskset")
export const pinned = taskset !== null && cpus.length > 1
const [serverCpu, otherCpu] = [cpus[0] ?? 0, cpus[1] ?? 0]
const onCpu = (cpu: number, command: Array<string>) => (pinned ? ["taskset", "-c", String(cpu), ...command] : command)

export const onServerCpu = (command: Array<string>) => onCpu(serverCpu, command)

if (pinned) Bun.spawnSync(["taskset", "-acp", String(otherCpu), String(process.pid)])

export interface Server {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly apiKey: string
}

const children = new Set<Bun.Subprocess>()
process.on("exit", () => {
  for (const child of children) child.kill()
  rmSync(emptyFolder, { recursive: true, force: true })
})

interface Program {
  readonly name: string
  readonly cpu: number
  readonly command: Array<string>
  readonly env: Record<string, string>
  readonly ready: string
}

const start = async ({ name, cpu, command, env, ready }: Program): Promise<Server> => {
  const port = freePort()
  const { PATH = "", HOME = "" } = process.env
  const spawnOptions = {
    cmd: onCpu(cpu, command),
    cwd: emptyFolder,
    env: { PATH, HOME, PORT: String(port), ...env }
  }
  const child = Bun.spawn({ ...spawnOptions, stdin: "ignore", stdout: "ignore", stderr: "ignore" })
  children.add(child)
  const deadline = performance.now() + 20_000
  while (true) {
    const response = await fetch(`http://127.0.0.1:${port}${ready}`, { headers: { "x-api-key": apiKey } }).catch(() => undefined)
    if (response?.status === 200) return { name, pid: child.pid, port, apiKey }
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill()
      // Its output was discarded, because a full pipe would slow it down: run it once more to see why it does not serve.
      const rerun = Bun.spawnSync({ ...spawnOptions, timeout: 5_000 })
      const output = `${rerun.stdout}${rerun.stderr}`.trim().slice(-2_000)
      throw new Error(`${name} did not respond to ${ready} with 200 (last status: ${response?.status ?? "none"})\n${output}`)
    }
    await Bun.sleep(50)
  }
}

export interface Upstream extends Server {
  readonly set: (options: Record<string, number>) => Promise<void>
  readonly reset: () => Promise<void>
  readonly stats: () => Promise<UpstreamStats>
}
export interface UpstreamStats {
  readonly calls: number
  readonly reads: number
  readonly history: number
  readonly writes: number
  readonly points: number
  readonly unmatched: ReadonlyArray<string>
}

export const startUpstream = async (): Promise<Upstream> => {
  const ready = "/api/noauth/userPasswordPolicy"
  const server = await start({ name: "upstream", cpu: otherCpu, command: [process.execPath, join(here, "upstream.ts")], env: {}, ready })
  const callAdmin = async (path: string) =>
    (await fetch(`http://127.0.0.1:${server.port}/__admin/${path}`)).json() as Promise<UpstreamStats>
  return {
    ...server,
    set: async (options) => {
      await callAdmin(
        `set?${Object.entries(options)
          .map(([name, value]) => `${name}=${value}`)
          .join("&")}`
      )
    },
    reset: async () => {
      await callAdmin("reset")
    },
    stats: () => callAdmin("stats")
  }
}

const credentials = { TB_USERNAME: username, TB_PASSWORD: password }

/** An application's key. It lacks `credentials:read`, so that lists are searched for credentials, which the key of `API_KEY` may read. */
const apiKeysFile = join(emptyFolder, "keys.json")
const sha256 = new Bun.CryptoHasher("sha256").update(apiKey).digest("hex")
const scopes = ["devices:read", "telemetry:read", "telemetry:write"]
writeFileSync(apiKeysFile, JSON.stringify({ keys: [{ id: "bench", name: "Benchmark", sha256, scopes }] }), { mode: 0o600 })

export const startPeer = (upstream: Server, name = "bare Bun") => {
  const env = { ...credentials, API_KEY: apiKey, UPSTREAM: `http://127.0.0.1:${upstream.port}` }
  return start({ name, cpu: serverCpu, command: [process.execPath, join(here, "peer.ts")], env, ready: "/health" })
}

/** Boardwalk as in production: from source, without tracing, and with a rate limit that is counted but never reached. */
export const startBoardwalk = (upstream: Server, { binary, profile }: Options, more: Record<string, string> = {}) => {
  const limit = { RATE_LIMIT_REQUESTS: "1000000000", RATE_LIMIT_WINDOW: "60" }
  const env = {
    ...credentials,
    ...limit,
    API_KEYS_FILE: apiKeysFile,
    TB_HOST: `http://127.0.0.1:${upstream.port}`,
    HOST: "127.0.0.1",
    ...more
  }
  const ready = "/api/v1/tb/devices?page_size=20"
  const profiler = profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-md", `--cpu-prof-dir=${resolve(profile)}`]
  const command = binary === undefined ? [process.execPath, ...profiler, join(repository, "src/main.ts")] : [resolve(binary)]
  return start({ name: "Boardwalk", cpu: serverCpu, command: [...command, "serve"], env, ready })
}

/** A Redis beside the upstream; returns its URL, or undefined where `redis-server` is not installed. */
export const startRedis = async (): Promise<string | undefined> => {
  if (!hasRedis) return undefined
  const port = freePort()
  const cmd = onCpu(otherCpu, redisCommand(port, emptyFolder))
  children.add(Bun.spawn({ cmd, stdin: "ignore", stdout: "ignore", stderr: "ignore" }))
  return waitForRedis(port)
}

interface Spread {
  readonly median: number
  readonly p95: number
  readonly max: number
}
export interface ProbeResult {
  readonly requests: number
  readonly bad: number
  /** Milliseconds. */
  readonly latency: Spread
  /** Milliseconds by which the probe itself ran late. */
  readonly lag: Spread
}

/** Requests /health every 10 ms while `work` runs. */
export const withProbe = async <A>(server: Server, work: () => Promise<A>): Promise<readonly [A, ProbeResult]> => {
  const cmd = onCpu(otherCpu, [process.execPath, join(here, "probe.ts"), String(server.port)])
  const child = Bun.spawn({ cmd, stdin: "ignore", stdout: "pipe", stderr: "inherit" })
  children.add(child)
  const output = child.stdout.getReader()
  await output.read()
  const result = await work()
  child.kill("SIGTERM")
  const { value } = await output.read()
  children.delete(child)
  return [result, JSON.parse(new TextDecoder().decode(value)) as ProbeResult]
}

export const stopAll = async () => {
  for (const child of children) {
    child.kill("SIGTERM")
    await Promise.race([child.exited, Bun.sleep(10_000)])
    if (child.exitCode === null) child.kill("SIGKILL")
  }
  children.clear()
}
