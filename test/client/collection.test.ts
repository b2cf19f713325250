/** newman sends every request of the collection to the demo, as its users do. */
import { afterAll, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { operations } from "../clients/Operation.ts"
import { startDemo } from "../clients/demo.ts"

const root = join(import.meta.dir, "..", "..")
const cache = join(root, "node_modules/.cache/newman")
const newman = join(cache, "node_modules/.bin/newman")
const collection = join(root, "docs/clients/boardwalk.postman_collection.json")

/** 66 MB that only this test needs, so it is not a dependency. */
const install = async () => {
  if (existsSync(newman)) return true
  await Bun.write(join(cache, "package.json"), JSON.stringify({ private: true }))
  return Bun.spawnSync([process.execPath, "add", "--silent", "newman@6.2.1"], { cwd: cache }).exitCode === 0
}
const isInstalled = await install()

const folder = await mkdtemp(join(tmpdir(), "boardwalk-newman-"))
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Run {
  readonly run: {
    readonly executions: ReadonlyArray<{ readonly item: { readonly name: string } }>
    readonly stats: { readonly assertions: { readonly total: number } }
    readonly failures: ReadonlyArray<{ readonly source: { readonly name: string }; readonly error: { readonly message: string } }>
  }
}

test.skipIf(!isInstalled)(
  "every request of the collection gets the response that it expects from the demo",
  async () => {
    const demo = await startDemo()
    try {
      const report = join(folder, "report.json")
      const variables = [`baseUrl=${demo.env["BOARDWALK_URL"]}`, `apiKey=${demo.env["BOARDWALK_API_KEY"]}`]
      const child = Bun.spawn(
        [
          newman,
          "run",
          collection,
          ...variables.flatMap((value) => ["--env-var", value]),
          "--reporters",
          "json",
          "--reporter-json-export",
          report
        ],
        { stdout: "pipe", stderr: "pipe" }
      )
      await child.exited
      const { run }: Run = await Bun.file(report).json()
      expect(run.failures.map(({ error, source }) => `${source.name}: ${error.message}`)).toEqual([])
      expect(run.executions).toHaveLength(operations.length + 2)
      expect(run.stats.assertions.total).toBe(operations.length + 2)
    } finally {
      await demo.stop()
    }
  },
  120_000
)

test("the collection contains no key", async () => {
  const { variable } = await Bun.file(collection).json()
  expect(variable.find(({ key }: { key: string }) => key === "apiKey").value).toBe("")
})
