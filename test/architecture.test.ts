/** The direction of imports: between the folders of src, between the folders within them, and between files. docs/architecture.md draws it. */
import { expect, test } from "bun:test"
import { Glob } from "bun"
import { dirname, join, normalize, sep } from "node:path"

const root = join(import.meta.dir, "..", "src")

/** The folders that each folder may import from. A file directly in `src` counts as a folder. */
const allowed: Record<string, ReadonlyArray<string>> = {
  domain: [],
  api: ["domain"],
  client: ["api", "domain", "json"],
  "index.ts": ["api", "client", "domain"],
  platform: [],
  config: ["domain", "platform"],
  json: ["domain"],
  thingsboard: ["domain", "json", "config", "platform"],
  formats: ["domain"],
  apikeys: ["domain", "json", "config", "platform"],
  ratelimit: ["domain", "config", "platform"],
  overload: ["config", "platform"],
  idempotency: ["config", "platform", "ratelimit"],
  spool: ["platform"],
  services: ["domain", "json", "apikeys", "config", "formats", "overload", "platform", "ratelimit", "spool", "thingsboard"],
  observability: ["config", "domain", "platform"],
  http: [
    "api",
    "apikeys",
    "config",
    "domain",
    "formats",
    "idempotency",
    "json",
    "observability",
    "overload",
    "platform",
    "ratelimit",
    "services",
    "spool",
    "thingsboard"
  ],
  emulator: ["domain", "platform", "thingsboard"],
  doctor: ["api", "apikeys", "client", "config", "domain", "idempotency", "platform", "ratelimit", "services", "spool", "thingsboard"],
  cli: ["api", "apikeys", "client", "config", "doctor", "domain", "emulator", "http", "observability", "platform", "spool"],
  "main.ts": ["cli", "platform"]
}

/**
 * The folders, and files directly in the same parent folder, that each subfolder may import from. `.` stands for the files directly in the
 * parent folder; these may also import each other.
 */
const allowedWithin: Record<string, Record<string, ReadonlyArray<string>>> = {
  api: {
    ".": ["groups", "middleware"],
    groups: ["Envelopes.ts", "ImportParameters.ts", "Parameters.ts", "Problems.ts", "middleware"],
    middleware: ["Problems.ts"],
    openapi: ["Api.ts", "ProblemGuide.ts", "Problems.ts", "middleware"]
  },
  services: {
    ".": ["queued"],
    access: [],
    attributes: ["access", "validation"],
    devices: ["access"],
    graph: ["access"],
    ingest: ["access", "devices", "validation"],
    queued: ["access", "devices", "ingest", "validation"],
    telemetry: ["access", "devices"],
    validation: []
  },
  spool: {
    ".": [],
    redis: ["Spool.ts", "content.ts", "errors.ts", "model.ts", "written.ts"],
    sqlite: ["Spool.ts", "content.ts", "errors.ts", "model.ts", "written.ts"]
  },
  thingsboard: {
    ".": ["api", "auth", "errors", "reads", "transport"],
    api: [],
    auth: ["api", "errors", "transport"],
    errors: [],
    reads: ["errors", "transport"],
    requests: ["Paths.ts", "ThingsBoard.ts", "api", "auth", "errors", "responses"],
    responses: ["errors"],
    transport: ["api", "errors"]
  },
  http: {
    ".": ["direct", "handlers", "logging", "middleware", "pages", "request", "response"],
    auth: ["CurrentAuthentication.ts", "logging", "response"],
    direct: ["CurrentAuthentication.ts", "logging", "middleware"],
    handlers: ["auth", "logging", "request", "response"],
    logging: [],
    middleware: ["CurrentAuthentication.ts", "auth", "logging", "pages", "request", "response"],
    pages: ["auth", "logging", "response"],
    request: ["CurrentAuthentication.ts", "logging", "response"],
    response: ["CurrentAuthentication.ts", "logging"]
  },
  emulator: {
    ".": ["auth", "demo", "faults", "live", "server", "store"],
    api: ["auth", "http"],
    auth: ["Behavior.ts", "http", "store"],
    demo: ["store", "values"],
    faults: ["auth"],
    handlers: ["Behavior.ts", "api", "auth", "http", "queries", "store", "values"],
    http: ["Behavior.ts", "store", "values"],
    live: ["auth", "faults", "http", "queries", "store", "values"],
    queries: ["auth", "http", "store", "values"],
    server: ["Behavior.ts", "api", "auth", "faults", "handlers", "http"],
    store: ["values"],
    values: []
  },
  cli: {
    ".": ["keys", "spool"],
    keys: ["flags.ts", "result.ts"],
    spool: ["flags.ts", "result.ts"]
  }
}

interface Import {
  readonly file: string
  readonly from: string
  readonly specifier: string
}

const importsOf = async (file: string): Promise<ReadonlyArray<Import>> => {
  const text = await Bun.file(join(root, file)).text()
  return [...text.matchAll(/(?<!["/])(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => ({
    file,
    from: file.split(sep)[0]!,
    specifier: match[1]!
  }))
}

const all = (await Promise.all([...new Glob("**/*.ts").scanSync(root)].map(importsOf))).flat()

const targetFile = ({ file, specifier }: Import) => normalize(join(dirname(file), specifier))
const target = (found: Import) => targetFile(found).split(sep)[0]!

test("folders import only what their row allows", () => {
  const wrong = all
    .filter(({ specifier }) => specifier.startsWith("."))
    .filter((found) => {
      const to = target(found)
      return to !== ".." && to !== found.from && !(allowed[found.from] ?? []).includes(to)
    })
    .map(({ file, specifier }) => `${file} imports ${specifier}`)
  expect(wrong).toEqual([])
})

test("every folder has a row", () => {
  expect([...new Set(all.map(({ from }) => from))].filter((folder) => allowed[folder] === undefined)).toEqual([])
})

const sourceFiles = [...new Glob("**/*.ts").scanSync(root)]
const isSubfolderOf = (parent: string) => (path: string) => path.startsWith(parent + sep) && path.split(sep).length > 2
/** The subfolder of a file, or the name of a file that is directly in its parent folder. */
const nodeOf = (path: string) => path.split(sep)[1]!

/** The imports within each parent folder that cross its subfolders, as pairs of nodes. */
const crossings = Object.keys(allowedWithin).flatMap((parent) =>
  all
    .filter((found) => found.from === parent && found.specifier.startsWith(".") && target(found) === parent)
    .map((found) => ({ parent, found, from: nodeOf(found.file), to: nodeOf(targetFile(found)) }))
    .filter(({ from, to }) => from !== to)
)

test("subfolders import only what their row allows", () => {
  const wrong = crossings.filter(({ found, from, parent, to }) => {
    const isInSubfolder = isSubfolderOf(parent)(found.file)
    if (!isInSubfolder && !isSubfolderOf(parent)(targetFile(found))) return false
    return !(allowedWithin[parent]![isInSubfolder ? from : "."] ?? []).includes(to)
  })
  expect(wrong.map(({ found }) => `${found.file} imports ${found.specifier}`)).toEqual([])
})

test("every subfolder has a row", () => {
  for (const [parent, rows] of Object.entries(allowedWithin)) {
    const subfolders = new Set(sourceFiles.filter(isSubfolderOf(parent)).map(nodeOf))
    expect([parent, ...Object.keys(rows).toSorted()]).toEqual([parent, ...[".", ...subfolders].toSorted()])
  }
})

/** A cycle in a graph, as the nodes from one to itself; undefined if there is none. */
const findCycle = (edges: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyArray<string> | undefined => {
  const done = new Set<string>()
  const visit = (node: string, path: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    const start = path.indexOf(node)
    if (start !== -1) return [...path.slice(start), node]
    if (done.has(node)) return undefined
    for (const next of edges.get(node) ?? []) {
      const cycle = visit(next, [...path, node])
      if (cycle !== undefined) return cycle
    }
    done.add(node)
    return undefined
  }
  for (const node of edges.keys()) {
    const cycle = visit(node, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}

const toGraph = (pairs: Iterable<readonly [from: string, to: string]>) => {
  const edges = new Map<string, Set<string>>()
  for (const [from, to] of pairs) edges.set(from, (edges.get(from) ?? new Set()).add(to))
  return edges
}

test("no import cycle between files, types included", () => {
  const pairs = all.filter(({ specifier }) => specifier.startsWith(".")).map((found) => [found.file, targetFile(found)] as const)
  expect(findCycle(toGraph(pairs))).toBeUndefined()
  expect(
    findCycle(toGraph([...pairs, [targetFile(all.find(({ specifier }) => specifier.startsWith("."))!), "a"], ["a", "b"], ["b", "a"]]))
  ).toEqual(["a", "b", "a"])
})

test("no import cycle between subfolders", () => {
  for (const parent of Object.keys(allowedWithin)) {
    const pairs = crossings.filter((crossing) => crossing.parent === parent).map(({ from, to }) => [from, to] as const)
    expect([parent, findCycle(toGraph(pairs))]).toEqual([parent, undefined])
  }
})

test("the emulator imports only ThingsBoard's API from the gateway's folder for ThingsBoard", () => {
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

test("the library that other programs install imports only effect", () => {
  const wrong = all.filter(
    ({ from, specifier }) => ["api", "client", "domain", "index.ts", "json"].includes(from) && !/^(\.|effect(\/|$))/.test(specifier)
  )
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
})

test("only the platform folder imports Bun and Node", () => {
  const wrong = all.filter(
    ({ from, specifier }) =>
      from !== "platform" &&
      /^(bun|node):|^bun$|^@effect\/platform/.test(specifier) &&
      !(["emulator", "spool"].includes(from) && specifier === "bun:sqlite")
  )
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([])
})

test("only the configuration reads the environment", async () => {
  const files = [...new Glob("**/*.ts").scanSync(root)].filter((file) => !file.startsWith(`config${sep}`))
  const texts = await Promise.all(files.map(async (file) => [file, await Bun.file(join(root, file)).text()] as const))
  expect(texts.filter(([, text]) => /process\.env|Bun\.env/.test(text)).map(([file]) => file)).toEqual([])
})
