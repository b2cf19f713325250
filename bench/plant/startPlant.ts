/** Starts the emulator with the plant, and the gateway with the monitor of its event loop. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startMonitored, startProgram } from "../loop/monitored.ts"
import { password, username } from "../upstream/sessions.ts"
import type { Plant } from "./seed.ts"

const apiKey = "plant-4f1c9d2e7a6b5038c1d4e9f2a7b60358"

export const startPlant = async (emulator: string, short: boolean) => {
  const folder = mkdtempSync(join(tmpdir(), "boardwalk-plant-"))
  const upstream = startProgram([emulator, ...(short ? ["--short"] : [])], folder, {})
  const { plant, url: upstreamUrl } = JSON.parse(await upstream.waitFor(/^(\{"url".*\})\n/m)) as {
    readonly url: string
    readonly plant: Plant
  }
  const gateway = await startMonitored(folder, {
    TB_HOST: upstreamUrl,
    TB_USERNAME: username,
    TB_PASSWORD: password,
    TB_LATEST_IS_NEWEST: "true",
    CACHE_TTL: "10s",
    API_KEY: apiKey,
    HOST: "127.0.0.1",
    RATE_LIMIT_REQUESTS: "1000000"
  })
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
    gateway: { url: gateway.url, apiKey, pid: gateway.child.pid, readHold: gateway.readHold, stop: gateway.stop }
  }
}
