/** Runs third-party tools on openapi.json: validators, linters and code generators. */
import { expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pythonEnvironment } from "../../support/python.ts"

const root = join(import.meta.dir, "..", "..", "..")
const openapi = join(root, "openapi.json")

const run = async (command: ReadonlyArray<string>, cwd = root) => {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" }
  const child = Bun.spawn([...command], { cwd, env, stdout: "pipe", stderr: "pipe" })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return { exitCode: await child.exited, output: out + err }
}

const succeeds = async (command: ReadonlyArray<string>, cwd?: string) => {
  const { exitCode, output } = await run(command, cwd)
  expect(exitCode === 0 ? "" : output).toBe("")
  return output
}

test("Redocly's linter reports nothing", () => succeeds([process.execPath, "node_modules/@redocly/cli/bin/cli.js", "lint", "openapi.json"]))

const validator = await pythonEnvironment("openapi-spec-validator==0.9.0")

test.skipIf(validator === undefined)("openapi.json is a valid OpenAPI 3.1 document", () =>
  succeeds([join(validator!, "openapi-spec-validator"), openapi])
)

const generator = await pythonEnvironment("openapi-python-client==0.29.1")

test.skipIf(generator === undefined)("a Python client can be generated, and all of its modules can be imported", async () => {
  const folder = await mkdtemp(join(tmpdir(), "boardwalk-python-"))
  const output = await succeeds([
    join(generator!, "openapi-python-client"),
    "generate",
    "--path",
    openapi,
    "--meta",
    "none",
    "--output-path",
    join(folder, "gateway")
  ])
  expect([...output.matchAll(/^(Unsupported|Cannot|Could not|ERROR|WARNING)\b.*$/gm)].map(([line]) => line)).toEqual([])
  const program = `
import importlib, pkgutil, inspect, gateway
for module in pkgutil.walk_packages(gateway.__path__, "gateway."): importlib.import_module(module.name)
from gateway.api.telemetry import export_telemetry
print(sorted(inspect.signature(export_telemetry.sync).parameters))
`
  expect(await succeeds([join(generator!, "python"), "-c", program], folder)).toContain("'interval', 'key', 'keys', 'layout', 'start_ts'")
})

/** The generator needs TypeScript 5, so it is installed in its own folder. */
const typescriptGenerator = async () => {
  const folder = join(root, "node_modules", ".cache", "openapi-typescript-7.13.0")
  if (!existsSync(join(folder, "node_modules", ".bin", "openapi-typescript"))) {
    const dependencies = { "openapi-typescript": "7.13.0", typescript: "5.9.3" }
    await Bun.write(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }))
    if ((await run([process.execPath, "install"], folder)).exitCode !== 0) return undefined
  }
  return folder
}

const use = `
import type { components, operations } from "./api.ts"
type Query = operations["exportTelemetry"]["parameters"]["query"]
export const query: Query = { start_ts: 1, end_ts: 2, keys: ["temperature"], agg: "AVG", interval: "1h" }
export const code: components["schemas"]["Problem"]["error_code"] = "RESOURCE_NOT_FOUND"
// @ts-expect-error pages are numbers
export const wrong: operations["listDevices"]["parameters"]["query"] = { page: "first" }
`

const typescript = await typescriptGenerator()

test.skipIf(typescript === undefined)("TypeScript types can be generated, and reject an invalid call", async () => {
  const folder = await mkdtemp(join(tmpdir(), "boardwalk-typescript-"))
  const program = join(typescript!, "node_modules", "openapi-typescript", "bin", "cli.js")
  await succeeds([process.execPath, program, openapi, "--output", join(folder, "api.ts")])
  await Bun.write(join(folder, "use.ts"), use)
  await succeeds(
    [
      process.execPath,
      join(root, "node_modules", "typescript", "bin", "tsc"),
      "--noEmit",
      "--strict",
      "--allowImportingTsExtensions",
      "use.ts"
    ],
    folder
  )
})
