/**
 * Checks that the gateway behaves as `openapi.json` describes: Schemathesis generates thousands of valid and invalid requests from it.
 * It is configured in `schemathesis.toml`. Most requests come from the phase `coverage`, whatever the number of examples. For longer runs, set SCHEMATHESIS_EXAMPLES and SCHEMATHESIS_SEED.
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
const examples = process.env["SCHEMATHESIS_EXAMPLES"] ?? "5"

const bin = await pythonEnvironment("schemathesis==4.32.5")
if (bin === undefined) console.warn("Schemathesis is skipped: it needs Python with venv and pip")

const keys = {
  full: {},
  reader: { scopes: ["devices:read", "assets:read", "telemetry:read", "attributes:read", "graph:read"] }
} as const

for (const name of ["full", "reader"] as const) {
  test.skipIf(bin === undefined)(
    `with the key ${name} the gateway does what openapi.json says (seed ${seed}, ${examples} examples per operation)`,
    () =>
      Effect.runPromise(
        Effect.gen(function* () {
          const server = yield* gateway({ settings: { apiKeysFile: yield* writeKeyFile(keys) } })
          const { directory, telemetry } = server.emulator.store
          const device = directory.createDevice({ tenantId: server.tenant.tenantId, name: "Device", now: 1 })
          directory.createAsset({ tenantId: server.tenant.tenantId, name: "Asset", type: "room", now: 1 })
          telemetry.save(device, [{ key: "temperature", ts: 1_700_000_000_000, value: 1n }])
          const workingDirectory = yield* temporaryFolder("schemathesis")
          const child = Bun.spawn(
            [
              join(bin!, "schemathesis"),
              "--config-file",
              join(root, "schemathesis.toml"),
              "run",
              join(root, "openapi.json"),
              `--url=${server.url}`,
              `--header=X-API-Key: ${keyOf(name)}`,
              "--phases=coverage,fuzzing,stateful",
              `--max-examples=${examples}`,
              `--seed=${seed}`,
              "--continue-on-failure",
              "--no-color"
            ],
            // Schemathesis writes its findings to the working directory.
            { cwd: workingDirectory, stdout: "pipe", stderr: "pipe" }
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
