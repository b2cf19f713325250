/** The packed package as another program meets it: installed, type-checked, called. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtemp, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dir, "..", "..")
let project: string

const run = (command: ReadonlyArray<string>, cwd: string) => {
  const { exitCode, stderr, stdout } = Bun.spawnSync([...command], { cwd })
  return { exitCode, output: stdout.toString() + stderr.toString() }
}

const tsc = (file: string) =>
  run([process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", project, "--noEmit"], project)
    .output.split("\n")
    .filter((line) => line.startsWith(file))

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "boardwalk-client-"))
  const packed = run([process.execPath, "pm", "pack", "--destination", project, "--quiet"], root)
  if (packed.exitCode !== 0) throw new Error(packed.output)
  const [tarball] = await Array.fromAsync(new Bun.Glob("*.tgz").scan(project))
  await Bun.$`mkdir -p node_modules/boardwalk && tar -xzf ${tarball} -C node_modules/boardwalk --strip-components 1`.cwd(project).quiet()
  await Bun.write(join(project, "package.json"), JSON.stringify({ name: "consumer", type: "module" }))
  await symlink(join(root, "node_modules/effect"), join(project, "node_modules/effect"))
  await Bun.write(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ESNext",
        module: "NodeNext",
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: true,
        lib: ["ESNext", "DOM"],
        types: []
      },
      include: ["*.ts"]
    })
  )
  await Bun.write(
    join(project, "right.ts"),
    `import { Effect } from "effect"
import { FetchHttpClient } from "effect/http"
import { BoardwalkClient } from "boardwalk/client"

export const program = Effect.gen(function* () {
  const boardwalk = yield* BoardwalkClient
  const { data, pagination } = yield* boardwalk.devices.list({ query: { page_size: 5 } })
  return { names: data.map((device) => device.name), total: pagination.total_elements }
}).pipe(
  Effect.catchTag("Unauthenticated", (problem) => Effect.succeed({ refused: problem.error_code })),
  Effect.provide(BoardwalkClient.layer({ baseUrl: process.argv[2]!, apiKey: "wrong" })),
  Effect.provide(FetchHttpClient.layer)
)
declare const process: { readonly argv: ReadonlyArray<string> }
if (process.argv[2] !== undefined) console.log(JSON.stringify(await Effect.runPromise(program)))
`
  )
  await Bun.write(
    join(project, "wrong.ts"),
    `import { Effect } from "effect"
import { BoardwalkClient } from "boardwalk/client"

export const program = Effect.gen(function* () {
  const boardwalk = yield* BoardwalkClient
  yield* boardwalk.devices.list({ query: { page_size: "many" } })
  yield* boardwalk.telemetry.query({ params: { device_id: "x" }, payload: { keys: "temperature" } })
})
`
  )
}, 60_000)

afterAll(() => rm(project, { recursive: true, force: true }))

test("a program that uses it rightly type-checks", () => {
  expect(tsc("right.ts")).toEqual([])
}, 30_000)

test("a wrong payload does not compile", () => {
  expect(tsc("wrong.ts").map((line) => line.slice(0, "wrong.ts(6,44): error TS2322".length))).toEqual([
    "wrong.ts(6,44): error TS2322",
    "wrong.ts(7,48): error TS2322",
    "wrong.ts(7,77): error TS2322"
  ])
}, 30_000)

test("it calls a gateway, and a problem is a typed error", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      Response.json(
        {
          type: "https://boardwalk.example/errors/unauthenticated",
          title: "Authentication required",
          status: 401,
          detail: request.headers.get("x-api-key"),
          instance: "1",
          message: "m",
          error_code: "AUTHENTICATION_FAILED",
          timestamp: 1,
          details: {}
        },
        { status: 401, headers: { "content-type": "application/problem+json" } }
      )
  })
  try {
    const child = Bun.spawn([process.execPath, "right.ts", server.url.href], { cwd: project, stdout: "pipe", stderr: "pipe" })
    expect(await new Response(child.stdout).text()).toBe('{"refused":"AUTHENTICATION_FAILED"}\n')
  } finally {
    await server.stop(true)
  }
}, 30_000)

test("nothing of the server is in the package", async () => {
  const files = await Array.fromAsync(new Bun.Glob("**/*").scan(join(project, "node_modules/boardwalk")))
  expect(files.filter((file) => /emulator|thingsboard|http\/|services|config\//.test(file))).toEqual([])
})
