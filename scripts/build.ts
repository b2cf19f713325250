/**
 * Builds dist/boardwalk: one file that needs neither Bun nor this repository.
 * `bun run build bun-linux-arm64` builds for another platform, `bun run build --outfile FILE` to another file.
 */
import { parseArgs } from "node:util"

const root = new URL("..", import.meta.url).pathname
const {
  positionals: [target],
  values: { outfile = `${root}dist/boardwalk` }
} = parseArgs({ allowPositionals: true, options: { outfile: { type: "string" } } })

const result = await Bun.build({
  entrypoints: [`${root}src/main.ts`],
  minify: true,
  bytecode: true,
  format: "esm", // required for bytecode
  compile: {
    outfile,
    // The program reads .env by its own rules, and a bunfig.toml in the working directory must not affect it.
    autoloadDotenv: false,
    autoloadBunfig: false,
    ...(target === undefined ? {} : { target: target as Bun.Build.CompileTarget })
  }
})

for (const message of result.logs) console.error(message)
if (!result.success) process.exit(1)
const { size } = Bun.file(outfile)
console.log(`${outfile.replace(root, "")}: ${Math.round(size / 1e6)} MB`)
