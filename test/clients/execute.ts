/** Commands: their output is kept, and shown only when they fail. */
import type { Step } from "./Client.ts"

export class CommandFailed extends Error {}

/** Enough of a compiler's output to see what is wrong. */
const shorten = (text: string) => text.trim().split("\n").slice(0, 40).join("\n")

export const execute = async ({ command, cwd, env }: Step): Promise<string> => {
  const child = Bun.spawn([...command], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  if (exitCode !== 0) throw new CommandFailed(`${command.join(" ")}\nexited with ${exitCode}\n${shorten(stderr + stdout)}`)
  return stdout
}
