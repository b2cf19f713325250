import { expect, test } from "bun:test"
import { Glob } from "bun"
import { dirname, join, normalize, sep } from "node:path"

const root = join(import.meta.dir, "..", "src")

/** Which folders each folder may import from. A file directly in `src` counts as its own folder. */
const arrows: Record<string, ReadonlyArray<string>> = {
  domain: [],
  api: ["domain"],
  client: ["api", "domain"],
  "index.ts": ["api", "client", "domain"],
  platform: [],
  config: ["domain", "platform"],
  json: ["domain"],
  thingsboard: ["domain", "json", "config", "platform"],
  formats: ["domain"],
  apikeys: ["domain", "json", "config", "platform"],
  ratelimit: ["domain", "config", "platform"],
  services: ["domain", "json", "apikeys", "config", "formats", "platform", "ratelimit", "thingsboard"],
  observability: ["config", "domain", "platform"],
  http: ["api", "apikeys", "config", "domain", "formats", "json", "observability", "platform", "ratelimit", "services", "thingsboard"],
  emulator: ["domain", "platform", "thingsboard"],
  doctor: ["api", "apikeys", "client", "config", "domain", "platform", "ratelimit", "services", "thingsboard"],
  cli: ["api", "apikeys", "client", "config", "doctor", "domain", "emulator", "http", "observability", "platform"],
  "main.ts": ["cli", "platform"]
}

interface Import {
  readonly file: string
  readonly from: string
  readonly specifier: string
}

const importsOf = async (file: string): Promise<ReadonlyArray<Import>> => {
  const text = await Bun.file(join(root, file)).text()
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => ({
    file,
    from: file.split(sep)[0]!,
    specifier: match[1]!
  }))
}

const all = (await Promise.all([...new Glob("**/*.ts").scanSync(root)].map(importsOf))).flat()

const target = ({ file, specifier }: Import) => normalize(join(dirname(file), specifier)).split(sep)[0]!

test("arrows go one way", () => {
  const wrong = all
    .filter(({ specifier }) => specifier.startsWith("."))
    .filter((found) => {
      const to = target(found)
      return to !== ".." && to !== found.from && !(arrows[found.from] ?? []).includes(to)
    })
    .map(({ file, specifier }) => `${file} imports ${specifier}`)
  expect(wrong).toEqual([])
})

test("every folder has its row", () => {
  expect([...new Set(all.map(({ from }) => from))].filter((folder) => arrows[folder] === undefined)).toEqual([])
})

test("the emulator shares with the gateway only ThingsBoard's API", () => {
  const wrong = all.filter(
    (found) => found.from === "emulator" && target(found) === "thingsboard" && !found.specifier.includes("thingsboard/api/")
  )
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
})

/** A path of ThingsBoard's, whole or after a host. Boardwalk's own begin with /api/v1. */
const thingsBoardPath = /["'`}]\/api(?!\/v1\b)\b/

/** Fields and key types of ThingsBoard's entity queries and relation queries. */
const entityQuery =
  /\b(entityFilter|entityFields|keyFilters|pageLink|entityList|deviceNameFilter|multiRootEntityIds|relationTypeGroup|fetchLastLevelOnly|ENTITY_FIELD|TIME_SERIES|SERVER_ATTRIBUTE)\b/

test("only the folder thingsboard and the emulator know ThingsBoard's paths and entity queries", async () => {
  const files = [...new Glob("**/*.ts").scanSync(root)].filter((file) => !/^(thingsboard|emulator)[\\/]/.test(file))
  const texts = await Promise.all(files.map(async (file) => [file, await Bun.file(join(root, file)).text()] as const))
  const inText = texts.flatMap(([file, text]) =>
    [thingsBoardPath, entityQuery].flatMap((pattern) => {
      const found = pattern.exec(text)
      return found === null ? [] : [`${file} contains ${found[0]}`]
    })
  )
  // The typed client and its schemas are ThingsBoard's paths and JSON by other names.
  const byImport = all
    .filter(({ file, specifier }) => files.includes(file) && /thingsboard\/(api\/|ThingsBoardClient)/.test(specifier))
    .map(({ file, specifier }) => `${file} imports ${specifier}`)
  expect([...inText, ...byImport]).toEqual([])
})

test("the folders within thingsboard do not import each other in a circle", () => {
  const group = (path: string) => (path.split(sep).length > 2 ? path.split(sep)[1]! : "root")
  const edges = new Map<string, Set<string>>()
  for (const found of all) {
    if (found.from !== "thingsboard" || !found.specifier.startsWith(".") || target(found) !== "thingsboard") continue
    const [from, to] = [group(found.file), group(normalize(join(dirname(found.file), found.specifier)))]
    if (from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to))
  }
  const reaches = (from: string, to: string, passed = new Set<string>()): boolean =>
    [...(edges.get(from) ?? [])].some((next) => next === to || (!passed.has(next) && reaches(next, to, passed.add(next))))
  expect([...edges.keys()].filter((folder) => reaches(folder, folder))).toEqual([])
  expect(edges.size).toBeGreaterThan(3)
})

test("what other programs install imports nothing but effect", () => {
  const wrong = all.filter(
    ({ from, specifier }) => ["api", "client", "domain", "index.ts"].includes(from) && !/^(\.|effect(\/|$))/.test(specifier)
  )
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
})

test("only the platform folder imports Bun and Node", () => {
  const wrong = all.filter(
    ({ from, specifier }) =>
      from !== "platform" && /^(bun|node):|^bun$|^@effect\/platform/.test(specifier) && !(from === "emulator" && specifier === "bun:sqlite")
  )
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
})

test("only the configuration reads the environment", async () => {
  const files = [...new Glob("**/*.ts").scanSync(root)].filter((file) => !file.startsWith(`config${sep}`))
  const texts = await Promise.all(files.map(async (file) => [file, await Bun.file(join(root, file)).text()] as const))
  expect(texts.filter(([, text]) => /process\.env|Bun\.env/.test(text)).map(([file]) => file)).toEqual([])
})
