import { join } from "node:path"
import type { Client } from "../Client.ts"
import { generateAsDocumented, version } from "../openApiGenerator.ts"
import { type Argument, argumentsOf, operationsById, resolve, toSnake } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

const literal = (value: Json): string => {
  if (value === null) return "None"
  if (typeof value === "boolean") return value ? "True" : "False"
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}: ${literal(item)}`)
      .join(", ")}}`
  return JSON.stringify(value)
}

const toArgument = ({ kind, name, schema: given }: Argument, call: Scenario): ReadonlyArray<string> => {
  if (kind === "body") {
    if (call.file !== undefined) return [`body=${JSON.stringify(call.file)}.encode()`]
    const { name: model, schema } = resolve(given)
    const value = literal(call.json!)
    return [`${name}=${schema.properties === undefined ? value : `boardwalk_client.${model}.from_dict(${value})`}`]
  }
  const value = call.parameters[name]
  if (value === undefined) return []
  const { name: model, schema } = resolve(given)
  return [
    `${toSnake(name)}=${schema.enum !== undefined && model !== undefined ? `boardwalk_client.${model}(${literal(value)})` : literal(value)}`
  ]
}

const toCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const args = argumentsOf(operation).flatMap((argument) => toArgument(argument, call))
  const method = `boardwalk_client.${operation.tag}Api(${toSnake(call.target)}).${toSnake(operation.id)}`
  return `call("${call.operation}", "${call.outcome}", lambda: ${method}(${args.join(", ")}))`
}

const render = (scenarios: ReadonlyArray<Scenario>) => ({
  "every_operation.py": `import base64, json, os
import boardwalk_client
from pydantic import BaseModel

def client(target, key):
    configuration = boardwalk_client.Configuration(host=os.environ["BOARDWALK_" + target + "_URL"], retries=False)
    configuration.api_key["ApiKey"] = key
    return boardwalk_client.ApiClient(configuration)

key = os.environ["BOARDWALK_API_KEY"]
demo, wrong_key, long_path, unavailable = client("DEMO", key), client("DEMO", "wrong"), client("LONG_PATH", key), client("UNAVAILABLE", key)

def plain(value):
    if isinstance(value, (bytes, bytearray)):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, mode="json")
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value

def call(operation, outcome, function):
    try:
        kind, result = "result", plain(function())
    except boardwalk_client.ApiException as error:
        kind, result = "error", {"status": error.status, "error_code": getattr(error.data, "error_code", None)}
    except Exception as error:
        kind, result = "failure", repr(error)
    print("@@", operation, outcome, kind, json.dumps(result), sep="\\t", flush=True)

${scenarios.map(toCall).join("\n")}
`
})

const python = (folder: string) => join(folder, "venv", "bin", "python")

export const pythonClient: Client = {
  name: "python",
  generator: `openapi-generator ${version}`,
  inCi: true,
  tools: ["python3"],
  generate: (folder) => generateAsDocumented("python.md", join(folder, "client")),
  render,
  firstProgram: { document: "python.md", fence: "python", path: "first.py" },
  compile: (folder) => [
    { command: ["python3", "-m", "venv", join(folder, "venv")] },
    { command: [python(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", join(folder, "client")] }
  ],
  run: (folder) => ({ command: [python(folder), "every_operation.py"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [python(folder), "first.py"], cwd: folder })
}
