/**
 * Writes openapi.json and docs/errors.md from the contract. With `--check` it writes nothing and fails when one of them is stale.
 */
import { document } from "../src/api/openapi/document.ts"

const files = {
  "openapi.json": `${JSON.stringify(document(), undefined, 2)}\n`
}

const root = new URL("..", import.meta.url)
const checking = process.argv.includes("--check")

for (const [name, text] of Object.entries(files)) {
  const file = Bun.file(new URL(name, root))
  const fresh = (await file.exists()) && (await file.text()) === text
  if (!fresh && checking) {
    console.error(`${name} is stale: run bun run openapi`)
    process.exitCode = 1
  }
  if (!fresh && !checking) {
    await file.write(text)
    console.log(`wrote ${name}`)
  }
}
