/** Uses the packed package as its users do: installs, type-checks and calls the library, and runs the command. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import packageJson from "../../package.json" with { type: "json" }

/** The program may have another name than `bun`, which is what the command looks for: `npx bun` runs a `bun.exe`. */
const pathWithBun = [join(Bun.which("bun") ?? process.execPath, ".."), "/usr/bin", "/bin"].join(":")

const root = join(import.meta.dir, "..", "..")
let project: string
let tarball: string

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
  const [packedFile] = await Array.fromAsync(new Bun.Glob("*.tgz").scan(project))
  tarball = join(project, packedFile!)
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
    join(project, "valid.ts"),
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
    join(project, "invalid.ts"),
    `import { Effect } from "effect"
import { BoardwalkClient } from "boardwalk/client"

export const program = Effect.gen(function* () {
  const boardwalk = yield* BoardwalkClient
  yield* boardwalk.devices.list({ query: { page_size: "many" } })
  yield* boardwalk.telemetry.query({ params: { device_id: "x" }, payload: { keys: "temperature" } })
})
`
  )
}, 120_000)

afterAll(() => rm(project, { recursive: true, force: true }))

test("a valid program type-checks", () => {
  expect(tsc("valid.ts")).toEqual([])
}, 120_000)

test("an invalid call does not compile", () => {
  expect(tsc("invalid.ts").map((line) => line.slice(0, "invalid.ts(6,44): error TS2322".length))).toEqual([
    "invalid.ts(6,44): error TS2322",
    "invalid.ts(7,48): error TS2322",
    "invalid.ts(7,77): error TS2322"
  ])
}, 120_000)

test("the client calls a gateway, and a problem is a typed error", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      Response.json(
        {
          type: "https://api.example.com/errors/unauthenticated",
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
    const child = Bun.spawn([process.execPath, "valid.ts", server.url.href], { cwd: project, stdout: "pipe", stderr: "pipe" })
    expect(await new Response(child.stdout).text()).toBe('{"refused":"AUTHENTICATION_FAILED"}\n')
  } finally {
    await server.stop(true)
  }
}, 120_000)

test("the library contains nothing of the server", async () => {
  const folder = join(project, "node_modules/boardwalk")
  const files = await Array.fromAsync(new Bun.Glob("**/*").scan(folder))
  expect(files.filter((file) => /emulator|thingsboard|http\/|services|config\//.test(file))).toEqual([])
  const library = files.filter((file) => file.startsWith("dist/package/") && file.endsWith(".js"))
  expect(library.length).toBeGreaterThan(10)
  for (const file of library) expect(await Bun.file(join(folder, file)).text()).not.toContain("/bin/")
})

describe("examples/effect-app, installed into an empty folder", () => {
  let folder: string
  let demo: Bun.Subprocess<"ignore", "pipe", "ignore">
  let env: Record<string, string>

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "boardwalk-effect-app-"))
    for (const file of ["main.ts", "tsconfig.json"]) await Bun.write(join(folder, file), Bun.file(join(root, "examples/effect-app", file)))
    const manifest = await Bun.file(join(root, "examples/effect-app/package.json")).json()
    expect(manifest.dependencies).toEqual({ boardwalk: packageJson.version, effect: packageJson.devDependencies.effect })
    manifest.dependencies.boardwalk = tarball
    await Bun.write(join(folder, "package.json"), JSON.stringify(manifest))
    const installed = run([process.execPath, "install", "--no-save"], folder)
    if (installed.exitCode !== 0) throw new Error(installed.output)

    demo = Bun.spawn([join(folder, "node_modules/.bin/boardwalk"), "demo", "--port", "0", "--host", "127.0.0.1"], {
      cwd: folder,
      env: { PATH: pathWithBun },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore"
    })
    let text = ""
    const decoder = new TextDecoder()
    for await (const chunk of demo.stdout) {
      text += decoder.decode(chunk, { stream: true })
      if (/latest'/.test(text)) break
    }
    const [, BOARDWALK_URL, BOARDWALK_API_KEY] = /API +(http\S+)\/api\/v1\/tb\n[\s\S]*Key +(\S+)/.exec(text)!
    env = { PATH: process.env.PATH!, BOARDWALK_URL: BOARDWALK_URL!, BOARDWALK_API_KEY: BOARDWALK_API_KEY! }
  }, 120_000)

  afterAll(async () => {
    demo.kill()
    await demo.exited
    await rm(folder, { recursive: true, force: true })
  })

  test("type-checks", () => {
    expect(run([process.execPath, "run", "check"], folder)).toMatchObject({ exitCode: 0 })
  }, 120_000)

  test("calls the demo", () => {
    const { exitCode, stderr, stdout } = Bun.spawnSync([process.execPath, "main.ts"], { cwd: folder, env })
    expect([exitCode, stderr.toString()]).toEqual([0, ""])
    expect(stdout.toString()).toMatch(
      /^Warmest: Thermostat .+, of \d+\nStored: 9007199254740993\nRows: some\nMissing: RESOURCE_NOT_FOUND\n$/
    )
  }, 120_000)

  test("the first program of docs/clients/effect.md type-checks and calls the demo", async () => {
    const [, program] = /```ts\n([\s\S]*?)```/.exec(await Bun.file(join(root, "docs/clients/effect.md")).text())!
    await Bun.write(join(folder, "first.ts"), program!)
    expect(run([process.execPath, "run", "check"], folder)).toMatchObject({ exitCode: 0 })
    const { stdout } = Bun.spawnSync([process.execPath, "first.ts"], { cwd: folder, env })
    expect(stdout.toString()).toMatch(/^(Thermostat .+ -?\d+(\.\d+)?\n){5,}$/)
    const wrong = Bun.spawnSync([process.execPath, "first.ts"], { cwd: folder, env: { ...env, BOARDWALK_API_KEY: "wrong" } })
    expect(wrong.stderr.toString()).toBe("The key is wrong: AUTHENTICATION_FAILED\n")
  }, 120_000)

  test("finds the OpenAPI document in the package", () => {
    const program = 'console.log((await import("boardwalk/openapi.json", { with: { type: "json" } })).default.info.title)'
    const { stdout } = Bun.spawnSync([process.execPath, "-e", program], { cwd: folder, env })
    expect(stdout.toString()).toBe("Boardwalk\n")
  })
})

describe("the boardwalk command", () => {
  let folder: string
  let output: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "boardwalk-command-"))
    await Bun.write(join(folder, "package.json"), JSON.stringify({ name: "consumer", trustedDependencies: ["boardwalk"] }))
    // The command needs no other package, so nothing is downloaded.
    const installed = run([process.execPath, "add", "--omit=peer", tarball], folder)
    if (installed.exitCode !== 0) throw new Error(installed.output)
    output = installed.output
  }, 120_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  test("is installed without running a script of the package, even where the package is trusted", async () => {
    expect(output).not.toMatch(/effect-tsgo|error/)
    const { scripts } = await Bun.file(join(folder, "node_modules/boardwalk/package.json")).json()
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([])
    expect(await readdir(join(folder, "node_modules"))).not.toContain("@effect")
  })

  test("runs on Bun alone", () => {
    const { exitCode, stdout } = Bun.spawnSync([join(folder, "node_modules/.bin/boardwalk"), "openapi"], {
      cwd: folder,
      env: { PATH: pathWithBun }
    })
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout.toString())).toMatchObject({ openapi: "3.1.0", info: { title: "Boardwalk" } })
  })

  test("serves the demo with its documentation pages", async () => {
    const demo = Bun.spawn([join(folder, "node_modules/.bin/boardwalk"), "demo", "--port", "0", "--host", "127.0.0.1"], {
      cwd: folder,
      env: { PATH: pathWithBun },
      stdout: "pipe",
      stderr: "ignore"
    })
    try {
      let text = ""
      const decoder = new TextDecoder()
      for await (const chunk of demo.stdout) {
        text += decoder.decode(chunk, { stream: true })
        if (/latest'/.test(text)) break
      }
      const docs = /Docs\s+(\S+)/.exec(text)![1]!
      const page = await (await fetch(docs)).text()
      const script = /(\/docs\/assets\/\w+\/swagger-ui\.js)/.exec(page)![1]!
      const response = await fetch(new URL(script, docs))
      expect(response.status).toBe(200)
      expect((await response.bytes()).length).toBeGreaterThan(1_000_000)
    } finally {
      demo.kill()
      await demo.exited
    }
  }, 120_000)
})
