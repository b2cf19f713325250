/** openapi-typescript generates types only; openapi-fetch calls the API with them. */
import type { Client } from "../Client.ts"
import { runDocumentedCommand } from "../documentedCommand.ts"
import { operationsById, type Parameter } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"
import { files, reporter, toolchain } from "./typescript.ts"

const literal = (value: Json) => JSON.stringify(value)

/** The fields of an object with the parameters of a kind that the call has. */
export const parametersIn = (kind: string, parameters: ReadonlyArray<Parameter>, call: Scenario): string | undefined => {
  const given = parameters.filter((parameter) => parameter.in === kind && call.parameters[parameter.name] !== undefined)
  return given.length === 0
    ? undefined
    : `{ ${given.map(({ name }) => `${JSON.stringify(name)}: ${literal(call.parameters[name]!)}`).join(", ")} }`
}

const toCall = (call: Scenario): string => {
  const { body, method, parameters, path, response } = operationsById.get(call.operation)!
  const params = ["path", "query", "header"].flatMap((kind) => {
    const fields = parametersIn(kind, parameters, call)
    return fields === undefined ? [] : [`${kind}: ${fields}`]
  })
  const options = [
    ...(params.length === 0 ? [] : [`params: { ${params.join(", ")} }`]),
    ...(body === undefined ? [] : body.kind === "json" ? [`body: ${literal(call.json!)}`] : [`...file(${literal(call.file!)})`]),
    ...(response.kind === "binary" ? [`parseAs: "blob"`] : response.kind === "text" ? [`parseAs: "text"`] : [])
  ]
  return `await call("${call.operation}", "${call.outcome}", async () => unwrap(await ${call.target}.${method}("${path}"${options.length === 0 ? "" : `, { ${options.join(", ")} }`})))`
}

/** For clients that return `{ data, error, response }` instead of throwing. */
export const unwrap = `class Failed extends Error {
  constructor(readonly status: number, readonly errorCode: string | undefined) {
    super()
  }
}
const unwrap = <A>({ data, error, response }: { data?: A; error?: unknown; response?: Response }): A => {
  if (error === undefined && data !== undefined) return data
  throw new Failed(response?.status ?? 0, (error as { error_code?: string }).error_code)
}
`
export const failedCase = `if (error instanceof Failed) {
      kind = "error"
      result = { status: error.status, error_code: error.errorCode }
    }`

const render = (scenarios: ReadonlyArray<Scenario>) =>
  files(`import createClient from "openapi-fetch"
import type { paths } from "./boardwalk"

const configure = (baseUrl: string, key: string) => createClient<paths>({ baseUrl, headers: { "X-API-Key": key } })
/** The type of a binary body is \`string\`; it can be anything that \`fetch\` sends. */
const file = (text: string) => ({
  body: new Blob([text]) as unknown as string,
  bodySerializer: (body: unknown) => body as Blob,
  headers: { "Content-Type": "application/octet-stream" }
})
${unwrap}
${reporter(failedCase)}
${scenarios.map(toCall).join("\n")}
`)

export const openapiFetchClient: Client = {
  name: "openapi-typescript",
  generator: "openapi-typescript 7",
  inCi: true,
  tools: [],
  generate: (folder) => runDocumentedCommand("openapi-typescript.md", folder),
  render,
  firstProgram: { document: "openapi-typescript.md", fence: "ts", path: "first.ts" },
  compile: (folder) => toolchain(folder, ["openapi-fetch@0.17", "@types/node@24"]),
  run: (folder) => ({ command: [process.execPath, "every-operation.ts"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [process.execPath, "first.ts"], cwd: folder })
}
