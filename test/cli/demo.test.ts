import { describe, expect } from "bun:test"
import { Effect } from "effect"
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

describe("boardwalk demo", () => {
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
