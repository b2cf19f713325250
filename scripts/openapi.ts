/** Writes openapi.json, docs/errors.md and the collection of requests from the contract. With `--check` it writes nothing and fails if one of them is outdated. */
import { generated } from "./generated.ts"

const root = new URL("..", import.meta.url)
const checkOnly = process.argv.includes("--check")

for (const [name, render] of Object.entries(generated)) {
  const file = Bun.file(new URL(name, root))
  const text = render()
  const upToDate = (await file.exists()) && (await file.text()) === text
  if (upToDate) continue
  if (checkOnly) {
    console.error(`${name} is outdated: run \`bun run openapi\``)
    process.exitCode = 1
  } else {
    await file.write(text)
    console.log(`wrote ${name}`)
  }
}
