/** Starts the emulator with the plant, and the gateway with the monitor of its event loop. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Hold } from "../loop/watched.ts"
import { password, username } from "../upstream/sessions.ts"
import type { Plant } from "./seed.ts"

const apiKey = "plant-4f1c9d2e7a6b5038c1d4e9f2a7b60358"
const main = join(import.meta.dir, "../../src/main.ts")
const monitor = join(import.meta.dir, "../loop/monitor.ts")

const start = (command: ReadonlyArray<string>, cwd: string, env: Record<string, string>) => {
  const child = Bun.spawn([process.execPath, "--no-env-file", ...command], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { PATH: process.env["PATH"], ...env }
  })
  process.on("exit", () => child.kill("SIGKILL"))
  let output = ""
  let onOutput = () => {}
  const collect = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      output += decoder.decode(chunk, { stream: true })
      onOutput()
    }
  }
  void collect(child.stdout)
  void collect(child.stderr)
  const waitFor = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      onOutput = () => {
        const match = pattern.exec(output)
        if (match !== null) resolve(match[1]!)
      }
      onOutput()
      void child.exited.then(() => reject(new Error(`${command.join(" ")} exited:\n${output.slice(-2000)}`)))
    })
  const stop = async () => {
    child.kill("SIGKILL")
    await child.exited
  }
  return { child, stop, waitFor }
}

export const startPlant = async (emulator: string, short: boolean) => {
  const folder = mkdtempSync(join(tmpdir(), "boardwalk-plant-"))
  const upstream = start([emulator, ...(short ? ["--short"] : [])], folder, {})
  const { plant, url: upstreamUrl } = JSON.parse(await upstream.waitFor(/^(\{"url".*\})\n/m)) as {
    readonly url: string
    readonly plant: Plant
  }
  const gateway = start(["--preload", monitor, main, "serve", "--port", "0"], folder, {
    TB_HOST: upstreamUrl,
    TB_USERNAME: username,
    TB_PASSWORD: password,
    TB_LATEST_IS_NEWEST: "true",
    CACHE_TTL: "10s",
    API_KEY: apiKey,
    HOST: "127.0.0.1",
    RATE_LIMIT_REQUESTS: "1000000"
  })
  const url = await gateway.waitFor(/listens on (http:[^ "]*\d)/)
  let reads = 0
  /** The longest hold since the last call. */
  const readHold = async (): Promise<Hold> => {
    gateway.child.kill("SIGUSR2")
    return JSON.parse(await gateway.waitFor(new RegExp(`loop (\\{.*"number":${++reads}\\})`))) as Hold
  }
  return {
    upstream: {
      url: upstreamUrl,
      plant,
      calls: async () => (await (await fetch(`${upstreamUrl}/__calls`)).json()) as number,
      stop: async () => {
        await upstream.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    },
    gateway: { url, apiKey, pid: gateway.child.pid, readHold, stop: gateway.stop }
  }
}
