/**
 * Builds dist/boardwalk: one file that needs neither Bun nor this checkout.
 * `bun run build bun-linux-arm64` builds for another machine.
 */
const root = new URL("..", import.meta.url).pathname
const target = process.argv[2]

const result = await Bun.build({
  entrypoints: [`${root}src/main.ts`],
  minify: true,
  bytecode: true,
  format: "esm", // bytecode is not made without it
  compile: {
    outfile: `${root}dist/boardwalk`,
    // The program reads .env by its own rules; a bunfig.toml of the working directory is none of its business.
    autoloadDotenv: false,
    autoloadBunfig: false,
    ...(target === undefined ? {} : { target: target as Bun.Build.CompileTarget })
  }
})

for (const message of result.logs) console.error(message)
if (!result.success) process.exit(1)
const { size } = Bun.file(`${root}dist/boardwalk`)
console.log(`dist/boardwalk: ${Math.round(size / 1e6)} MB`)
