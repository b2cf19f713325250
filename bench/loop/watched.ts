/** Runs the gateway with the monitor of its event loop, in front of the hostile upstream, and sends it requests. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Hostile } from "./hostile.ts"
import { password, username } from "../upstream/sessions.ts"
import { startHostileUpstream } from "./upstream.ts"

/** The longest hold of the event loop. */
export interface Hold {
  /** Milliseconds on a CPU. */
  readonly cpuMs: number
  /** Milliseconds by the clock: longer if other processes need the CPU. */
  readonly wallMs: number
  /** Turns of the event loop that were seen. */
  readonly turns: number
  /** Milliseconds on a CPU of a fixed piece of work, now. */
  readonly unitMs: number
}

/** The same on the machine of the documented figures. */
const referenceMs = 1.5

/**
 * How long a turn may hold the event loop: 50 ms; on a slower machine, or one that shares its cores with others just now, as much longer as
 * the fixed piece of work takes.
 */
export const maxHoldMs = ({ unitMs }: Pick<Hold, "unitMs">) => Math.max(50, (50 * unitMs) / referenceMs)

export interface Outcome extends Hold {
  readonly status: number
  readonly seconds: number
  /** Responses of /health that arrived before the response. */
  readonly health: number
  /** The beginning of the body. */
  readonly text: string
}

const apiKey = "loop-4f1c9d2e7a6b5038c1d4e9f2a7b60358"
const keys = { default: apiKey, restricted: `${apiKey}-restricted` }

const digest = (key: string) => new Bun.CryptoHasher("sha256").update(key).digest("hex")
/** Restricted in two ways, so that ThingsBoard cannot page the list. */
const keyFile = JSON.stringify({
  keys: [
    {
      id: "restricted",
      name: "Restricted",
      sha256: digest(keys.restricted),
      scopes: ["devices:read", "graph:read", "telemetry:read"],
      devices: { types: ["default"], customer: "13814000-1dd2-11b2-8080-000000000001" }
    }
  ]
})

const main = join(import.meta.dir, "../../src/main.ts")
const monitor = join(import.meta.dir, "monitor.ts")

export const startWatched = async (extraEnvironment: Record<string, string> = {}) => {
  const upstream = startHostileUpstream()
  const folder = mkdtempSync(join(tmpdir(), "boardwalk-loop-"))
  await Bun.write(join(folder, "keys.json"), keyFile)
  const child = Bun.spawn([process.execPath, "--no-env-file", "--preload", monitor, main, "serve", "--port", "0"], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      PATH: process.env["PATH"],
      TB_HOST: upstream.url,
      TB_USERNAME: username,
      TB_PASSWORD: password,
      API_KEY: apiKey,
      API_KEYS_FILE: join(folder, "keys.json"),
      HOST: "127.0.0.1",
      RATE_LIMIT_REQUESTS: "1000000",
      ...extraEnvironment
    }
  })
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
    new Promise<RegExpExecArray>((resolve, reject) => {
      onOutput = () => {
        const match = pattern.exec(output)
        if (match !== null) resolve(match)
      }
      onOutput()
      void child.exited.then(() => reject(new Error(`The gateway exited:\n${output}`)))
    })
  const [, url] = await waitFor(/listens on (http:[^ "]*\d)/)
  let reads = 0
  /** The longest hold since the last call. */
  const readHold = async (): Promise<Hold> => {
    child.kill("SIGUSR2")
    const [, json] = await waitFor(new RegExp(`loop (\\{.*"number":${++reads}\\})`))
    return JSON.parse(json!) as Hold
  }

  const call = (path: string, { key = "default", ...init }: RequestInit & { readonly key?: string } = {}) =>
    fetch(url + path, { ...init, headers: { ...init.headers, "x-api-key": keys[key as keyof typeof keys] } })

  /** Sends a request, and asks for /health until its response is there. */
  const send = async ({ body, contentType, key = "default", path }: Hostile): Promise<Outcome> => {
    const bytes = body?.()
    await readHold()
    const started = performance.now()
    let health = 0
    const done = new AbortController()
    const watchHealth = async () => {
      while (!done.signal.aborted) {
        const { status } = await call("/health")
        if (!done.signal.aborted && status === 200) health++
      }
    }
    const watching = watchHealth()
    const response = await call(path, {
      key,
      ...(bytes === undefined ? {} : { method: "POST", body: bytes as BodyInit, headers: { "content-type": contentType! } })
    })
    const text = Buffer.from(await response.arrayBuffer()).toString("latin1", 0, 400)
    done.abort()
    await watching
    const seconds = (performance.now() - started) / 1000
    return { status: response.status, seconds, health, text, ...(await readHold()) }
  }

  return {
    url: url!,
    folder,
    call,
    send,
    readHold,
    output: () => output,
    stop: async () => {
      child.kill("SIGKILL")
      await child.exited
      await upstream.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
