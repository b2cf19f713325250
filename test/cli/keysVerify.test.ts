/** Where `boardwalk keys verify` takes the key from. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../support/it.ts"
import { keyOf, keysFile } from "../support/keysFile.ts"
import { run } from "../support/program.ts"

live("file and key are read from .env as the gateway's settings are, below the environment", () =>
  Effect.gen(function* () {
    const file = yield* keysFile({ one: {}, two: {} })
    const files = { ".env": `API_KEYS_FILE=${file}\nBOARDWALK_KEY=${keyOf("one")}\n` }
    expect((yield* run(["keys", "verify"], {}, files)).stdout).toContain("key one")
    expect((yield* run(["keys", "verify"], { BOARDWALK_KEY: keyOf("two") }, files)).stdout).toContain("key two")
    const without = yield* run(["keys", "list"])
    expect(without.exitCode).toBe(2)
    expect(without.stderr).toContain("--file, or API_KEYS_FILE in the environment or in .env")
  })
)
