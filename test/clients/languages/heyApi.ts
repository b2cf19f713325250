import type { Client } from "../Client.ts"
import { runDocumentedCommand } from "../documentedCommand.ts"
import { operationsById } from "../Operation.ts"
import type { Scenario } from "../scenarios.ts"
import { failedCase, parametersIn, unwrap } from "./openapiFetch.ts"
import { files, reporter, toolchain } from "./typescript.ts"

const toCall = (call: Scenario): string => {
  const { body, parameters, response } = operationsById.get(call.operation)!
  const options = [
    `client: ${call.target}`,
    ...["path", "query", "header"].flatMap((kind) => {
      const fields = parametersIn(kind, parameters, call)
      return fields === undefined ? [] : [`${kind === "header" ? "headers" : kind}: ${fields}`]
    }),
    ...(body === undefined
      ? []
      : [body.kind === "json" ? `body: ${JSON.stringify(call.json)}` : `body: new Blob([${JSON.stringify(call.file)}])`]),
    ...(response.kind === "binary" ? [`parseAs: "blob"`] : [])
  ]
  return `await call("${call.operation}", "${call.outcome}", async () => unwrap(await boardwalk.${call.operation}({ ${options.join(", ")} })))`
}

const render = (scenarios: ReadonlyArray<Scenario>) =>
  files(`import * as boardwalk from "./client"
import { createClient } from "./client/client"

const configure = (baseUrl: string, auth: string) => createClient({ baseUrl, auth })
${unwrap}
${reporter(failedCase)}
${scenarios.map(toCall).join("\n")}
`)

export const heyApiClient: Client = {
  name: "hey-api",
  generator: "@hey-api/openapi-ts 0.99",
  inCi: false,
  tools: ["npx"],
  // The first run of the command of npm would ask whether to install the generator.
  generate: (folder) => runDocumentedCommand("hey-api.md", folder, { npm_config_yes: "true" }),
  render,
  firstProgram: { document: "hey-api.md", fence: "ts", path: "first.ts" },
  compile: (folder) => toolchain(folder, ["@types/node@24"]),
  run: (folder) => ({ command: [process.execPath, "every-operation.ts"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [process.execPath, "first.ts"], cwd: folder })
}
