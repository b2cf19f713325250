/**
 * `openapi.json` is what the gateway does: Schemathesis makes thousands of requests from it, right ones and wrong ones, and compares.
 * `schemathesis.toml` says what it is asked. To run it for longer, set SCHEMATHESIS_EXAMPLES and SCHEMATHESIS_SEED.
 */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { join } from "node:path"
import { temporaryFolder } from "../support/temporaryFolder.ts"
import { gateway } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"
import { pythonEnvironment } from "../support/python.ts"

const root = join(import.meta.dir, "../..")
const seed = process.env["SCHEMATHESIS_SEED"] ?? "1"
const examples = process.env["SCHEMATHESIS_EXAMPLES"] ?? "15"

const bin = await pythonEnvironment("schemathesis==4.32.5")
if (bin === undefined) console.warn("no Python with venv and pip: Schemathesis is skipped")

const keys = {
  full: {},
  reader: { scopes: ["devices:read", "assets:read", "telemetry:read", "attributes:read", "graph:read"] }
} as const

for (const name of ["full", "reader"] as const) {
  test.skipIf(bin === undefined)(
    `with the key ${name} the gateway does what openapi.json says (seed ${seed}, ${examples} examples an operation)`,
    () =>
      Effect.runPromise(
        Effect.gen(function* () {
          const it = yield* gateway({ settings: { apiKeysFile: yield* writeKeyFile(keys) } })
          const { directory, telemetry } = it.emulator.store
          const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Device", now: 1 })
          directory.createAsset({ tenantId: it.tenant.tenantId, name: "Asset", type: "room", now: 1 })
          telemetry.save(device, [{ key: "temperature", ts: 1_700_000_000_000, value: 1n }])
          const work = yield* temporaryFolder("schemathesis")
          const child = Bun.spawn(
            [
              join(bin!, "schemathesis"),
              "--config-file",
              join(root, "schemathesis.toml"),
              "run",
              join(root, "openapi.json"),
              `--url=${it.url}`,
              `--header=X-API-Key: ${keyOf(name)}`,
              "--phases=coverage,fuzzing,stateful",
              "--checks=all",
              `--max-examples=${examples}`,
              `--seed=${seed}`,
              "--continue-on-failure",
              "--no-color"
            ],
            // It keeps what it found in the folder that it works in.
            { cwd: work, stdout: "pipe", stderr: "pipe" }
          )
          const output = yield* Effect.promise(() => new Response(child.stdout).text())
          const exitCode = yield* Effect.promise(() => child.exited)
          if (exitCode !== 0) console.error(output)
          expect([exitCode, output.match(/Test cases:[\s\S]*?generated/) !== null]).toEqual([0, true])
        }).pipe(Effect.scoped)
      ),
    300_000
  )
}
