/** The files, folders and headings that the documentation names exist, and docs/architecture.md shows every folder of the source. */
import { describe, expect, test } from "bun:test"
import { Glob } from "bun"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"

const root = join(import.meta.dir, "..", "..")
const read = (path: string) => readFileSync(join(root, path), "utf8")
const pages = [
  ...new Glob("*.md").scanSync(root),
  ...[...new Glob("**/*.md").scanSync(join(root, "docs"))].map((name) => `docs/${name}`),
  "bench/README.md"
]

const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-")

const headingsOf = (markdown: string) => [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!))

describe.each(pages)("%s", (page) => {
  const text = read(page)

  test("links to files and headings that exist", () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^(https?|mailto):/.test(target))
    const missing = targets.filter((target) => {
      const [path = "", heading] = target.split("#")
      const file = path === "" ? page : normalize(join(dirname(page), path))
      return !existsSync(join(root, file)) || (heading !== undefined && !headingsOf(read(file)).includes(heading))
    })
    expect(missing).toEqual([])
  })

  test("names paths of the source that exist", () => {
    const paths = [...text.matchAll(/`((?:src|test|bench|scripts)\/[\w./]+)`/g)].map(([, path]) => path!)
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

test("docs/architecture.md lists every folder of the source, and only those", () => {
  const rows = [...read("docs/architecture.md").matchAll(/^\| `(src\/[\w/]+\/)`/gm)].map(([, path]) => path!)
  const describedByParent = /^src\/(emulator|cli|api\/openapi)\/./
  const folders = new Set([...new Glob("src/**/*.ts").scanSync(root)].map((file) => `${dirname(file)}/`))
  expect([...folders].filter((folder) => folder !== "src/" && !describedByParent.test(folder)).toSorted()).toEqual(rows.toSorted())
})
