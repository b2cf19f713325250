/** The gateways that the clients call: one in front of the demo's devices, as `boardwalk demo` starts it, and one whose ThingsBoard cannot be reached. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { queueBatch } from "../support/queuedBatch.ts"
import { knownBatch, largeInteger, largeIntegerDevice, largeIntegerKey, start } from "./scenarios.ts"

const main = new URL("../../src/main.ts", import.meta.url).pathname

const startProgram = async (args: ReadonlyArray<string>, env: Record<string, string>, started: RegExp, folder: string) => {
  const child = Bun.spawn([process.execPath, "--no-env-file", main, ...args, "--port", "0"], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOST: "127.0.0.1", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit"
  })
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader()
  let output = ""
  for (;;) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`boardwalk ${args.join(" ")} stopped:\n${output}`)
    output += value
    const match = started.exec(output)
    if (match === null) continue
    // The rest of the output is of no interest, but a full pipe would stop the program.
    void (async () => {
      while (!(await reader.read()).done);
    })()
    let isStopping = false
    void child.exited.then((code) => {
      if (!isStopping) console.error(`boardwalk ${args.join(" ")} stopped: ${child.signalCode ?? code}`)
    })
    return { match, stop: () => ((isStopping = true), child.kill(), child.exited) }
  }
}

export interface Demo {
  /** What the programs read. */
  readonly env: Record<string, string>
  readonly stop: () => Promise<void>
}

/** Stores the value whose digits some clients lose. */
const storeLargeInteger = async (url: string, key: string) => {
  const response = await fetch(`${url}/api/v1/tb/devices/${largeIntegerDevice}/telemetry`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": key },
    body: `{"${largeIntegerKey}":[{"ts":${start},"value":${largeInteger}}]}`
  })
  if (!response.ok) throw new Error(`The demo could not store a value: ${await response.text()}`)
}

export const startDemo = async (): Promise<Demo> => {
  const folder = mkdtempSync(join(tmpdir(), "boardwalk-clients-"))
  const spoolDir = join(folder, "spool")
  // The gateway delivers it when it starts. `boardwalk demo` would not: it has a queue of its own.
  await Effect.runPromise(queueBatch(spoolDir, knownBatch, "default", [largeIntegerDevice]))
  const emulator = await startProgram(["emulator"], {}, /emulator on (http\S+)\s+user +(\S+)\s+password +(\S+)/, folder)
  const [, emulatorUrl, username, password] = emulator.match
  const key = `demo_${crypto.randomUUID()}`
  const [gateway, unavailable] = await Promise.all([
    startProgram(
      ["serve"],
      {
        TB_HOST: emulatorUrl!,
        TB_USERNAME: username!,
        TB_PASSWORD: password!,
        API_KEY: key,
        RATE_LIMIT_REQUESTS: "1000000",
        SPOOL_DIR: spoolDir
      },
      /listens on (http:\/\/[\d.:]+)/,
      folder
    ),
    startProgram(
      ["serve"],
      {
        TB_HOST: "http://127.0.0.1:1",
        TB_USERNAME: "nobody@example.com",
        TB_PASSWORD: "none",
        API_KEY: "unused-key-of-a-gateway-0123456789"
      },
      /listens on (http:\/\/[\d.:]+)/,
      folder
    )
  ])
  const [, url] = gateway.match
  await storeLargeInteger(url!, key)
  return {
    env: {
      BOARDWALK_URL: url!,
      BOARDWALK_API_KEY: key,
      BOARDWALK_DEMO_URL: url!,
      BOARDWALK_LONG_PATH_URL: `${url}/${"long/".repeat(2000)}`.slice(0, -1),
      BOARDWALK_UNAVAILABLE_URL: unavailable.match[1]!
    },
    stop: async () => {
      await Promise.all([gateway.stop(), unavailable.stop(), emulator.stop()])
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
