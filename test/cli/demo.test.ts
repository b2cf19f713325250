import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { live } from "../support/effectTest.ts"
import { binary, type Program, startProgram } from "../support/program.ts"
import { get } from "../support/startServe.ts"
import { temporaryFolder } from "../support/temporaryFolder.ts"

/** Runs a line of the banner in a shell, as a new user does. */
const paste = (line: string) =>
  Effect.promise(async () => {
    const shell = Bun.spawn(["sh", "-c", line], { stdout: "pipe", stderr: "ignore" })
    return (await new Response(shell.stdout).json()) as { readonly status: string; readonly data: unknown }
  })

const tryDemo = Effect.fnUntraced(function* (program: Program) {
  yield* program.waitForOutput(/Press Ctrl\+C to stop it/)
  const lines = program
    .output()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("curl "))
  expect(lines).toHaveLength(2)
  const [devices, latest] = yield* Effect.forEach(lines, paste)
  expect(devices).toMatchObject({
    status: "success",
    data: expect.arrayContaining([expect.objectContaining({ type: expect.any(String) })])
  })
  expect(latest).toMatchObject({ status: "success" })
  expect(Object.keys(latest?.data ?? {}).length).toBeGreaterThan(0)
  const [, docs] = yield* program.waitForOutput(/Docs +(\S+)/)
  const page = yield* get(docs!, {})
  expect(page.status).toBe(200)
  expect(page.text).toContain("<html")
  program.kill("SIGINT")
  expect((yield* program.exited).exitCode).toBe(0)
})

const buildBinary = Effect.gen(function* () {
  const outfile = join(yield* temporaryFolder("binary"), "boardwalk")
  const build = Bun.spawnSync([process.execPath, "scripts/build.ts", "--outfile", outfile], { cwd: join(import.meta.dir, "../..") })
  expect([build.exitCode, build.stderr.toString()]).toEqual([0, ""])
  return outfile
})

/** Runs the demo, queues an upload for its first device if it has a queue, and returns the response's status and the state of the batch in the end. */
const queueInDemo = Effect.fnUntraced(function* (environment: Record<string, string>) {
  const program = yield* startProgram(["demo", "--port", "0"], environment)
  const [, url, key] = yield* program.waitForOutput(/API +(\S+)[^]*Key +(\S+)/)
  const call = (path: string, init: { readonly method?: string; readonly body?: string } = {}) =>
    Effect.promise(async () => {
      const headers = { "x-api-key": key!, "content-type": "application/json", prefer: "respond-async" }
      const response = await fetch(`${url}/${path}`, { ...init, headers })
      return { status: response.status, json: (await response.json()) as { readonly batch_id: string; readonly state: string } }
    })
  const { json, status } = yield* call("devices/d0000000-0000-11f0-8000-000000000001/telemetry", {
    method: "POST",
    body: JSON.stringify({ written: [{ ts: 1_700_000_000_000, value: 1 }] })
  })
  const waiting = () => Effect.map(call(`ingest/${json.batch_id}`), ({ json }) => json.state)
  const state = status === 202 ? yield* Effect.repeat(waiting(), { until: (found) => found !== "waiting" }) : undefined
  return { program, status, state }
})

describe("boardwalk demo", () => {
  live("queues uploads in a temporary folder that is gone at the end", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder("demo")
      const { program, state, status } = yield* queueInDemo({ TMPDIR: folder, SPOOL: "always" })
      expect([status, state]).toEqual([202, "stored"])
      expect(readdirSync(folder).filter((name) => name.startsWith("boardwalk-demo-"))).toHaveLength(1)
      program.kill("SIGINT")
      expect((yield* program.exited).exitCode).toBe(0)
      expect(readdirSync(folder).filter((name) => name.startsWith("boardwalk-demo-"))).toEqual([])
    })
  )

  live("leaves the queue that the settings name alone, and works without a place for its own", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder("demo")
      const named = join(folder, "named")
      yield* Effect.promise(() => Bun.write(join(folder, "url"), "redis://127.0.0.1:1"))
      const inFolder = yield* queueInDemo({ TMPDIR: folder, SPOOL_DIR: named })
      const inRedis = yield* queueInDemo({ TMPDIR: folder, SPOOL_REDIS_URL_FILE: join(folder, "url"), REDIS_URL: "redis://127.0.0.1:1" })
      for (const { state, status } of [inFolder, inRedis]) expect([status, state]).toEqual([202, "stored"])
      expect(readdirSync(folder)).not.toContain("named")
      expect(yield* queueInDemo({ TMPDIR: join(folder, "missing"), SPOOL: "always", SPOOL_DIR: named })).toMatchObject({ status: 201 })
    })
  )

  live("prints URLs, a key and two commands that work when pasted", () =>
    Effect.flatMap(startProgram(["demo", "--port", "0"], { ALLOWED_HOSTS: "api.example.com" }), tryDemo)
  )

  live(
    "works as a binary, in an empty folder and without Bun",
    () =>
      Effect.gen(function* () {
        const program = yield* startProgram(["demo", "--port", "0"], { PATH: "/usr/bin:/bin" }, {}, [binary ?? (yield* buildBinary)])
        yield* tryDemo(program)
      }),
    120_000
  )
})

describe("boardwalk emulator", () => {
  live("runs alone and prints how to log in", () =>
    Effect.gen(function* () {
      const program = yield* startProgram(["emulator", "--port", "0"])
      const [, url] = yield* program.waitForOutput(/emulator on (\S+)/)
      const [, username] = yield* program.waitForOutput(/user +(\S+)/)
      const [, password] = yield* program.waitForOutput(/password +(\S+)/)
      const login = yield* Effect.promise(() =>
        fetch(`${url}/api/auth/login`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ username, password })
        })
      )
      expect(login.status).toBe(200)
    })
  )
})
