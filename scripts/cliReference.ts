/** docs/cli.md, made of the help of every command. */
import { exitCodes } from "../src/cli/exitCodes.ts"

const main = new URL("../src/main.ts", import.meta.url).pathname

const commands: ReadonlyArray<string> = [
  "serve",
  "demo",
  "emulator",
  "doctor",
  "ready",
  "export",
  "import",
  ...["create", "list", "revoke", "enable", "extend", "verify"].map((name) => `keys ${name}`),
  ...["status", "list", "retry", "drop"].map((name) => `spool ${name}`),
  ...["show", "sample"].map((name) => `config ${name}`),
  "openapi"
]

const help = async (boardwalk: ReadonlyArray<string>, command: string) => {
  const child = Bun.spawn([...boardwalk, ...command.split(" "), "--help"], {
    env: { PATH: process.env.PATH },
    stdout: "pipe"
  })
  return (await new Response(child.stdout).text()).trim()
}

/** The flags of all commands are described once. */
const withoutGlobalFlags = (text: string) => text.replace(/GLOBAL FLAGS\n(?: .*\n)+\n?/, "")

const introduction = `# The command line

\`boardwalk <command> --help\` prints what follows here. Without a command, it lists the commands.

- Requested output goes to standard output; progress, messages and errors go to standard error. Progress is a bar on a terminal, and JSON lines otherwise.
- \`export\` and \`import\` use the API, so they need the key of a caller in \`BOARDWALK_KEY\`, and work from any machine with \`--url\`.
- An \`export\` of one device as CSV or NDJSON that was interrupted continues when the same command runs again. An \`import\` can be repeated: nothing is stored twice.
- \`boardwalk --completions bash\` (or \`zsh\`, \`fish\`, \`powershell\`) prints a completion script for the shell.
- For all commands: \`--env-file path\` reads settings from this file instead of \`.env\` in the working directory, and \`--no-env-file\` from the environment only.

## Exit codes

| code | meaning |
| --- | --- |
${exitCodes.map(([code, meaning]) => `| ${code} | ${meaning} |`).join("\n")}
`

/** `boardwalk`: the words of a command line before the arguments. */
export const renderCliReference = async (boardwalk: ReadonlyArray<string> = [process.execPath, "--no-env-file", main]) => {
  const sections = await Promise.all(
    commands.map(
      async (command) => `## boardwalk ${command}\n\n\`\`\`text\n${withoutGlobalFlags(await help(boardwalk, command)).trim()}\n\`\`\`\n`
    )
  )
  return [introduction, ...sections].join("\n")
}

if (import.meta.main) await Bun.write(new URL("../docs/cli.md", import.meta.url), await renderCliReference())
