/** docs/security.md names the tests that prove its claims. These tests, and the settings it names, must exist under the same names. */
import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { credentialEndings, credentialNames, credentialParts, credentialWords, harmlessEndings } from "../../src/domain/credentialNames.ts"
import { visibleTransportFields } from "../../src/thingsboard/responses/CredentialFilter.ts"
import { definitions, secretVariables } from "../../src/config/Settings.ts"
import { randomBytes } from "../../src/platform/Digest.ts"
import { createKey } from "../../src/apikeys/KeyFormat.ts"

const root = join(import.meta.dir, "..", "..")
const read = (path: string) => readFileSync(join(root, path), "utf8")
const page = read("docs/security.md")

/** Marks lines about something that is not in this tree yet. */
const isPending = (line: string) => line.includes("TODO(merge)")
const lines = page.split("\n").filter((line) => !isPending(line))

const links = lines.flatMap((line) =>
  [...line.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, text, target]) => ({ text: text!, target: target! }))
)

const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-")

const headingsOf = (markdown: string) => [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!))

describe("docs/security.md", () => {
  test("links to files and headings that exist", () => {
    const missing = links.filter(({ target }) => {
      if (target.startsWith("https:")) return false
      const [path = "", heading] = target.split("#")
      const file = path === "" ? "docs/security.md" : join("docs", path)
      if (!existsSync(join(root, file))) return true
      return heading !== undefined && !headingsOf(read(file)).includes(heading)
    })
    expect(missing).toEqual([])
  })

  test("names tests that exist in the files it links to", () => {
    const tests = links.filter(({ target }) => target.endsWith(".test.ts"))
    expect(tests.length).toBeGreaterThan(40)
    const missing = tests.filter(({ target, text }) => {
      const file = join("docs", target)
      const names = [...read(file).matchAll(/\b(?:test|live|effect|describe)(?:\.skipIf\([^)]*\))?\(\s*(["`])((?:\\.|(?!\1)[^])*)\1/g)].map(
        ([, , name]) => name!
      )
      return !names.some((name) => name.includes(text))
    })
    expect(missing).toEqual([])
  })

  test("covers the ten risks of the OWASP list, each with its tests", () => {
    const sections = page.split(/^## /m).filter((section) => /^API\d+ /.test(section))
    expect(sections.map((section) => /^API\d+/.exec(section)![0])).toEqual(Array.from({ length: 10 }, (_, i) => `API${i + 1}`))
    for (const section of sections) expect([section.slice(0, 6), /\.test\.ts\)$/m.test(section)]).toEqual([section.slice(0, 6), true])
  })

  test("lists exactly the names that are left out", () => {
    const section = page.slice(page.indexOf("### Which fields hold credentials"), page.indexOf("## API4"))
    const namesIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
    const rowOf = (start: string) => namesIn(section.split("\n").find((line) => line.startsWith(`| ${start} `)) ?? "")
    expect(rowOf("anywhere in the name")).toEqual([...credentialParts])
    expect(rowOf("a whole word of the name")).toEqual([...credentialWords])
    expect(rowOf("at the end of the name")).toEqual([...credentialEndings])
    expect(rowOf("the whole name")).toEqual([...credentialNames])
    expect(rowOf("stays")).toEqual([...harmlessEndings])
    expect(namesIn(/fields stay: (.*)/.exec(section)![1]!)).toEqual([...visibleTransportFields])
  })

  test("names settings that exist", () => {
    const named = new Set(
      lines.filter((line) => /^(Settings|More settings|- \[ \])/.test(line)).flatMap((line) => line.match(/`[A-Z_]{4,}/g) ?? [])
    )
    const known = new Set([...Object.keys(definitions), ...secretVariables.map((name) => `${name}_FILE`), "BOARDWALK_KEY"])
    expect([...named].map((name) => name.slice(1)).filter((name) => !known.has(name))).toEqual([])
  })
})

test("a created key matches the secret scanners' rule", () => {
  const toml = /```toml\n([^]*?)```/.exec(page)![1]!
  const { rules } = Bun.TOML.parse(toml) as {
    readonly rules: ReadonlyArray<{ readonly regex: string; readonly keywords: ReadonlyArray<string> }>
  }
  const [rule] = rules
  const pattern = new RegExp(rule!.regex)
  for (let i = 0; i < 200; i++) {
    const key = createKey(randomBytes)
    expect(pattern.exec(`X-API-Key: ${key}"`)?.[0]).toBe(key)
    expect(rule!.keywords.some((word) => key.includes(word))).toBe(true)
    expect(page).toContain("`bw_[0-9A-Za-z]{46}`")
    expect(pattern.test(key.slice(0, -1))).toBe(false)
  }
})
