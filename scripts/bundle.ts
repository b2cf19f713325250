/**
 * Bundles the `boardwalk` command of the npm package into dist/bin: one script, and the assets of the documentation pages. It runs on Bun and
 * needs no other package. The binary of `bun run build` is better for servers, but with some 100 MB it is too large for a package.
 */
import { rm } from "node:fs/promises"

const root = new URL("..", import.meta.url).pathname
const outdir = `${root}dist/bin`
await rm(outdir, { recursive: true, force: true })

const result = await Bun.build({
  entrypoints: [`${root}src/main.ts`],
  target: "bun",
  minify: true,
  outdir,
  naming: { entry: "boardwalk.js", asset: "[name]-[hash].[ext]" },
  // The program reads .env by its own rules, and a bunfig.toml in the working directory could load other code.
  banner: "#!/usr/bin/env -S bun --no-env-file --config=/dev/null"
})

for (const message of result.logs) console.error(message)
if (!result.success) process.exit(1)
await Bun.$`chmod +x ${outdir}/boardwalk.js`
