/** The two TypeScript clients: they differ in how arguments are passed and errors are read. */
import { join } from "node:path"
import type { Client } from "../Client.ts"
import { generateAsDocumented, version } from "../openApiGenerator.ts"
import { type Argument, argumentsOf, type Content, operationsById, resolve, toCamel } from "../Operation.ts"
import type { Scenario } from "../scenarios.ts"

const toValue = ({ kind, name, schema: given }: Argument, call: Scenario): string | undefined => {
  if (kind === "body") return call.file === undefined ? JSON.stringify(call.json) : `new File([${JSON.stringify(call.file)}], "rows")`
  const value = call.parameters[name]
  if (value === undefined) return undefined
  const { name: model, schema } = resolve(given)
  // The members of such an enum are named after its values, in a way of the generator's own.
  return schema.enum !== undefined && model !== undefined ? `${JSON.stringify(value)} as boardwalk.${model}` : JSON.stringify(value)
}

export const toolchain = (folder: string, packages: ReadonlyArray<string>) => [
  { command: [process.execPath, "add", "--silent", ...packages], cwd: folder, env: { NODE_ENV: "development" } },
  { command: [process.execPath, "x", "tsc", "--project", folder], cwd: folder }
]

export const files = (program: string) => ({
  "every-operation.ts": program,
  "package.json": JSON.stringify({ name: "boardwalk-clients", private: true, type: "module" }),
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      strict: true,
      noEmit: true,
      target: "esnext",
      module: "esnext",
      moduleResolution: "bundler",
      lib: ["esnext", "dom", "dom.iterable"],
      types: ["node"],
      skipLibCheck: true
    },
    include: ["*.ts", "client/**/*.ts"]
  })
})

export const reporter = (errorCase: string) => `
const call = async (operation: string, outcome: string, run: () => Promise<unknown>) => {
  let kind = "result"
  let result: unknown
  try {
    const value = await run()
    result = value instanceof Blob ? { base64: Buffer.from(await value.arrayBuffer()).toString("base64") }
      : value instanceof ArrayBuffer || value instanceof Uint8Array ? { base64: Buffer.from(value as ArrayBuffer).toString("base64") } : value
  } catch (error) {
    ${errorCase}
    else {
      kind = "failure"
      result = String(error)
    }
  }
  console.log(["@@", operation, outcome, kind, JSON.stringify(result)].join("\\t"))
}

const environment = (name: string) => process.env["BOARDWALK_" + name]!
const key = environment("API_KEY")
const demo = configure(environment("DEMO_URL"), key)
const wrongKey = configure(environment("DEMO_URL"), "wrong")
const longPath = configure(environment("LONG_PATH_URL"), key)
const unavailable = configure(environment("UNAVAILABLE_URL"), key)
`

/** The model of a JSON object. This generator's models have names in camel case, and functions that convert from and to those of the API. */
const modelOf = (content: Content | undefined): string | undefined => {
  if (content?.kind !== "json") return undefined
  const { name, schema } = resolve(content.schema)
  return schema.properties === undefined ? undefined : name
}

const toFetchCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const bodyModel = modelOf(operation.body)
  const args = argumentsOf(operation).flatMap((argument) => {
    const value = toValue(argument, call)
    if (value === undefined) return []
    return [
      `${toCamel(argument.name)}: ${argument.kind === "body" && bodyModel !== undefined ? `boardwalk.${bodyModel}FromJSON(${value})` : value}`
    ]
  })
  const model = modelOf(operation.response)
  const passed = argumentsOf(operation).length === 0 ? "" : `{ ${args.join(", ")} }`
  const request = `await new boardwalk.${operation.tag}Api(${call.target}).${operation.id}(${passed})`
  return `await call("${call.operation}", "${call.outcome}", async () => ${model === undefined ? request : `boardwalk.${model}ToJSON(${request})`})`
}

const renderFetch = (scenarios: ReadonlyArray<Scenario>) =>
  files(`import * as boardwalk from "./client"

const configure = (basePath: string, apiKey: string) => new boardwalk.Configuration({ basePath, apiKey })
${reporter(`if (error instanceof boardwalk.ResponseError) {
      kind = "error"
      result = { status: error.response.status, error_code: (await error.response.json()).error_code }
    }`)}
${scenarios.map(toFetchCall).join("\n")}
`)

export const typescriptFetchClient: Client = {
  name: "typescript-fetch",
  generator: `openapi-generator ${version}`,
  inCi: true,
  tools: [],
  generate: (folder) => generateAsDocumented("typescript-fetch.md", join(folder, "client")),
  render: renderFetch,
  firstProgram: { document: "typescript-fetch.md", fence: "ts", path: "first.ts" },
  compile: (folder) => toolchain(folder, ["@types/node@24"]),
  run: (folder) => ({ command: [process.execPath, "every-operation.ts"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [process.execPath, "first.ts"], cwd: folder })
}

const toAxiosCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const args = argumentsOf(operation).map((argument) => toValue(argument, call) ?? "undefined")
  if (operation.response.kind === "binary") args.push(`{ responseType: "arraybuffer" }`)
  return `await call("${call.operation}", "${call.outcome}", async () => (await new boardwalk.${operation.tag}Api(${call.target}).${operation.id}(${args.join(", ")})).data)`
}

const renderAxios = (scenarios: ReadonlyArray<Scenario>) =>
  files(`import { isAxiosError } from "axios"
import * as boardwalk from "./client"

const configure = (basePath: string, apiKey: string) => new boardwalk.Configuration({ basePath, apiKey })
/** With \`responseType: "arraybuffer"\`, the problem is in bytes, too. */
const problem = (data: any): { error_code?: string } => (data instanceof ArrayBuffer || data instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(data)) : data)
${reporter(`if (isAxiosError(error) && error.response !== undefined) {
      kind = "error"
      result = { status: error.response.status, error_code: problem(error.response.data).error_code }
    }`)}
${scenarios.map(toAxiosCall).join("\n")}
`)

export const typescriptAxiosClient: Client = {
  name: "typescript-axios",
  generator: `openapi-generator ${version}`,
  inCi: true,
  tools: [],
  generate: (folder) => generateAsDocumented("typescript-axios.md", join(folder, "client")),
  render: renderAxios,
  firstProgram: { document: "typescript-axios.md", fence: "ts", path: "first.ts" },
  compile: (folder) => toolchain(folder, ["axios@1", "@types/node@24"]),
  run: (folder) => ({ command: [process.execPath, "every-operation.ts"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [process.execPath, "first.ts"], cwd: folder })
}
