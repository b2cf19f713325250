/** Runs the gateway with the monitor of its event loop, in front of the hostile upstream, and sends it requests. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Hostile } from "./hostile.ts"
import { type Hold, startMonitored } from "./monitored.ts"
import { password, username } from "../upstream/sessions.ts"
import { startHostileUpstream } from "./upstream.ts"

/** The same on the machine of the documented figures. */
const referenceMs = 1.5

/**
 * How long a turn may hold the event loop: 50 ms; on a slower machine, or one that shares its cores with others just now, as much longer as
 * the fixed piece of work takes.
 */
export const maxHoldMs = ({ unitMs }: Pick<Hold, "unitMs">) => Math.max(50, (50 * unitMs) / referenceMs)

export interface Outcome extends Hold {
  readonly status: number
  /** The size of the body. */
  readonly bytes: number
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

export const startWatched = async (extraEnvironment: Record<string, string> = {}) => {
  const upstream = startHostileUpstream()
  const folder = mkdtempSync(join(tmpdir(), "boardwalk-loop-"))
  await Bun.write(join(folder, "keys.json"), keyFile)
  const gateway = await startMonitored(folder, {
    TB_HOST: upstream.url,
    TB_USERNAME: username,
    TB_PASSWORD: password,
    API_KEY: apiKey,
    API_KEYS_FILE: join(folder, "keys.json"),
    HOST: "127.0.0.1",
    RATE_LIMIT_REQUESTS: "1000000",
    ...extraEnvironment
  })
  const { output, readHold, url } = gateway

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
    const received = Buffer.from(await response.arrayBuffer())
    const text = received.toString("latin1", 0, 400)
    done.abort()
    await watching
    const seconds = (performance.now() - started) / 1000
    return { status: response.status, bytes: received.length, seconds, health, text, ...(await readHold()) }
  }

  return {
    url,
    folder,
    call,
    send,
    readHold,
    output,
    stop: async () => {
      await gateway.stop()
      await upstream.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
