import { expect, test } from "bun:test"
import { renderCliReference } from "../../scripts/cliReference.ts"
import { boardwalk } from "../support/program.ts"

/** The formatter aligns tables; only their text counts. */
const normalize = (text: string) => text.replaceAll(/-{3,}/g, "---").replaceAll(/ +/g, " ")

test("docs/cli.md is the help of every command; `bun run cli` writes it", async () => {
  const written = await Bun.file(new URL("../../docs/cli.md", import.meta.url)).text()
  expect(normalize(written)).toBe(normalize(await renderCliReference(boardwalk)))
})
