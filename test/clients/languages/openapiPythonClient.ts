import { join } from "node:path"
import type { Client } from "../Client.ts"
import { documentedCommand } from "../documentedCommand.ts"
import { execute } from "../execute.ts"
import { type Operation, operationsById, resolve, type Schema, toSnake } from "../Operation.ts"
import type { Json, Scenario } from "../scenarios.ts"

const version = "0.29.1"

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

const toValue = (value: Json, given: Schema): string => {
  const { name, schema } = resolve(given)
  if (Array.isArray(value)) return `[${value.map((item) => toValue(item, schema.items!)).join(", ")}]`
  if (schema.enum !== undefined && name !== undefined) return `models.${name}(${literal(value)})`
  return schema.format === "uuid" ? `UUID(${literal(value)})` : literal(value)
}

/** This client renames what is a function of Python. */
const toName = (name: string) => (name === "format" ? "format_" : name.toLowerCase().replaceAll("-", "_"))

const toArguments = ({ body, parameters }: Operation, call: Scenario): ReadonlyArray<string> => [
  ...parameters
    .filter(({ name }) => call.parameters[name] !== undefined)
    .map(({ name, schema }) => `${toName(name)}=${toValue(call.parameters[name]!, schema)}`),
  ...(body === undefined
    ? []
    : body.kind === "json"
      ? [`body=models.${resolve(body.schema).name}.from_dict(${literal(call.json!)})`]
      : [`body=File(payload=BytesIO(${JSON.stringify(call.file)}.encode()))`])
]

const toCall = (call: Scenario): string => {
  const operation = operationsById.get(call.operation)!
  const args = [...toArguments(operation, call), `client=${toSnake(call.target)}`]
  return `call("${call.operation}", "${call.outcome}", lambda: ${toSnake(operation.id)}.sync_detailed(${args.join(", ")}))`
}

const render = (scenarios: ReadonlyArray<Scenario>) => ({
  "every_operation.py": `import base64, enum, json, os
from io import BytesIO
from uuid import UUID

from boardwalk_client import AuthenticatedClient, models
from boardwalk_client.types import File
${[...operationsById.values()].map(({ id, tag }) => `from boardwalk_client.api.${tag.toLowerCase()} import ${toSnake(id)}`).join("\n")}

def client(target, key):
    return AuthenticatedClient(base_url=os.environ["BOARDWALK_" + target + "_URL"], token=key, prefix="", auth_header_name="X-API-Key")

key = os.environ["BOARDWALK_API_KEY"]
demo, wrong_key, long_path, unavailable = client("DEMO", key), client("DEMO", "wrong"), client("LONG_PATH", key), client("UNAVAILABLE", key)

def plain(value):
    if isinstance(value, File):
        return {"base64": base64.b64encode(value.payload.read()).decode()}
    if isinstance(value, enum.Enum):
        return value.value
    return value.to_dict() if hasattr(value, "to_dict") else value

def call(operation, outcome, function):
    try:
        response = function()
        if response.status_code < 300:
            kind, result = "result", plain(response.parsed)
        else:
            kind, result = "error", {"status": response.status_code, "error_code": plain(getattr(response.parsed, "error_code", None))}
    except Exception as error:
        kind, result = "failure", repr(error)
    print("@@", operation, outcome, kind, json.dumps(result), sep="\\t", flush=True)

${scenarios.map(toCall).join("\n")}
`
})

const program = (folder: string, name: string) => join(folder, "venv", "bin", name)

export const openapiPythonClient: Client = {
  name: "openapi-python-client",
  generator: `openapi-python-client ${version}`,
  inCi: false,
  tools: ["python3"],
  generate: async (folder) => {
    const pip = [program(folder, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    await execute({ command: ["python3", "-m", "venv", join(folder, "venv")] })
    await execute({ command: [...pip, `openapi-python-client==${version}`] })
    const [name, ...args] = documentedCommand("openapi-python-client.md")
    // A path is not a URL for this command.
    await execute({ command: [program(folder, name!), ...args.map((arg) => (arg === "--url" ? "--path" : arg))], cwd: folder })
  },
  render,
  firstProgram: { document: "openapi-python-client.md", fence: "python", path: "first.py" },
  compile: (folder) => [
    {
      command: [
        program(folder, "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--force-reinstall",
        "--no-deps",
        "./boardwalk-client"
      ],
      cwd: folder
    },
    { command: [program(folder, "python"), "-m", "compileall", "-q", "boardwalk-client"], cwd: folder }
  ],
  run: (folder) => ({ command: [program(folder, "python"), "every_operation.py"], cwd: folder }),
  runFirstProgram: (folder) => ({ command: [program(folder, "python"), "first.py"], cwd: folder })
}
