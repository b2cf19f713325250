/** No registry that CI reaches has the .NET SDK, so that this client is generated, and its operations are looked up in the generated code. */
import { join } from "node:path"
import type { Client } from "../Client.ts"
import { generateAsDocumented, version } from "../openApiGenerator.ts"

export const csharpClient: Client = {
  name: "csharp",
  generator: `openapi-generator ${version}`,
  inCi: false,
  tools: [],
  notCompiled: "no .NET SDK",
  generate: (folder) => generateAsDocumented("csharp.md", join(folder, "client")),
  render: () => ({}),
  compile: () => [],
  run: () => ({ command: ["true"] })
}
