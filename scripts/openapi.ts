/** Writes openapi.json and docs/errors.md from the contract. With `--check` it writes nothing and fails when one of them is stale. */
import { generated } from "./generated.ts"

const root = new URL("..", import.meta.url)
const checking = process.argv.includes("--check")

for (const [name, make] of Object.entries(generated)) {
  const file = Bun.file(new URL(name, root))
  const text = make()
  const fresh = (await file.exists()) && (await file.text()) === text
  if (fresh) continue
  if (checking) {
    console.error(`${name} is stale: run \`bun run openapi\``)
    process.exitCode = 1
  } else {
    await file.write(text)
    console.log(`wrote ${name}`)
  }
}
