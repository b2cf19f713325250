/** The requests that the OpenAPI document gives as examples, as a documentation page sends them, and docs/api-examples.md. */
import { type Document, isRef, type Operation, type Parameter } from "../src/api/openapi/model.ts"
import { formatNames, formats } from "../src/domain/Format.ts"
import { exampleBody, type ProblemName, problemGuide, problemNames } from "../src/api/ProblemGuide.ts"

export interface ExampleRequest {
  readonly operation: Operation
  readonly method: string
  /** The path with its query. */
  readonly path: string
  readonly needsKey: boolean
  readonly body: { readonly mediaType: string; readonly text: string } | undefined
}

const render = (example: unknown): string => (typeof example === "string" ? example : JSON.stringify(example, undefined, 2))

/** What a documentation page fills a parameter's field with. */
const valueOf = ({ example, schema }: Parameter): unknown => {
  if (example !== undefined) return example
  const choices = schema["examples"] ?? schema["enum"]
  return Array.isArray(choices) ? choices[0] : undefined
}

const queryOf = (parameters: ReadonlyArray<Parameter>): string => {
  const required = parameters.filter((parameter) => parameter.in === "query" && parameter.required)
  return required.length === 0
    ? ""
    : `?${required.map((parameter) => `${parameter.name}=${encodeURIComponent(String(valueOf(parameter)))}`).join("&")}`
}

const bodyOf = (operation: Operation): ExampleRequest["body"] => {
  const [mediaType, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
  return mediaType === undefined ? undefined : { mediaType, text: render(content!.example) }
}

/** One request per operation. */
export const exampleRequests = ({ paths }: Document): ReadonlyArray<ExampleRequest> =>
  Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const parameters = operation.parameters ?? []
      const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(String(valueOf(parameters.find((parameter) => parameter.name === name)!)))
      )
      return {
        operation,
        method: method.toUpperCase(),
        path: path + queryOf(parameters),
        needsKey: operation.security?.length !== 0,
        body: bodyOf(operation)
      }
    })
  )

/** The format that a request asks for, if it has several. */
const formatOf = (operation: Operation) => {
  const example = Object.values(operation.requestBody?.content ?? {})[0]?.example
  const format = typeof example === "object" && example !== null ? (example as Record<string, unknown>)["format"] : undefined
  return formatNames.find((name) => name === format)
}

/** The example of a successful response, as in the document. */
export const exampleResponse = (operation: Operation): { readonly status: number; readonly body: unknown } => {
  const { responses } = operation
  const status = Math.min(
    ...Object.keys(responses)
      .map(Number)
      .filter((code) => code < 300)
  )
  const response = responses[String(status)]!
  const content = isRef(response) ? {} : (response.content ?? {})
  const format = formatOf(operation)
  const body = (format === undefined ? undefined : content[formats[format].mediaType]) ?? Object.values(content)[0]
  return { status, body: body?.example }
}

const devices = "/api/v1/tb/devices"
const absent = "784f394c-42b6-435a-983c-b7beff2784f9"

export interface ExampleError {
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly withoutKey?: boolean
  /** What else has to be the case, if the request alone does not cause the problem. */
  readonly when?: string
}

const writeWithKey = {
  path: `${devices}/${absent}/telemetry`,
  headers: { "content-type": "application/json", "Idempotency-Key": '"6b8f3c52-meter-7"' },
  body: '{"temperature":[{"ts":1700000000000,"value":21.5}]}'
}

/** A request that causes each problem. */
export const exampleErrors: { readonly [Name in ProblemName]: ExampleError } = {
  "invalid-request": { path: `${devices}?page_size=2000&sort=size` },
  unauthenticated: { path: devices, withoutKey: true },
  forbidden: { path: devices, when: "the key does not have the scope `devices:read`" },
  "route-not-found": { path: "/api/v1/tb/gadgets" },
  "device-not-found": { path: `${devices}/${absent}` },
  "asset-not-found": { path: `/api/v1/tb/assets/${absent}` },
  "entity-not-found": { path: `/api/v1/tb/graph/${absent}` },
  "method-not-allowed": { method: "DELETE", path: devices },
  "request-timeout": { path: "/api/v1/tb/telemetry/latest", body: "{", when: "the rest of the body does not arrive" },
  "request-in-progress": { ...writeWithKey, when: "the first request with this key is still running" },
  "payload-too-large": { path: "/api/v1/tb/telemetry/latest", body: "{}", when: "the body is larger than `MAX_BODY_SIZE`" },
  "uri-too-long": { path: `${devices}?text_search=…`, when: "the text is longer than `MAX_URL_LENGTH`" },
  "unsupported-media-type": { path: "/api/v1/tb/telemetry/latest", headers: { "Content-Type": "application/xml" }, body: "<keys/>" },
  "idempotency-key-reused": { ...writeWithKey, when: "the key was used for another request" },
  "rate-limited": { path: devices, when: "the key has used up its requests" },
  "headers-too-large": { path: devices, headers: { "X-Note": "…" }, when: "the header is longer than `MAX_HEADER_SIZE`" },
  "internal-error": { path: devices, when: "the gateway has a bug" },
  "upstream-error": { path: devices, when: "ThingsBoard fails" },
  overloaded: { path: devices, when: "the gateway has no memory for the request at the moment" },
  "idempotency-unavailable": { ...writeWithKey, when: "Redis (`REDIS_URL`) is not reachable" },
  "spool-unavailable": {
    path: "/api/v1/tb/telemetry/bulk",
    headers: { Prefer: "respond-async" },
    body: '{"Thermostat Office 101":{"temperature":[{"ts":1700000000000,"value":21.5}]}}',
    when: "the Redis server of the queue (`SPOOL_REDIS_URL`) is not reachable"
  },
  "upstream-unavailable": { path: devices, when: "ThingsBoard is not reachable" },
  "upstream-timeout": { path: devices, when: "ThingsBoard does not respond within `TB_TIMEOUT`" },
  "batch-not-found": { path: `/api/v1/tb/ingest/${absent}` },
  "spool-full": {
    path: "/api/v1/tb/telemetry/bulk",
    headers: { Prefer: "respond-async" },
    body: '{"Thermostat Office 101":{"temperature":[{"ts":1700000000000,"value":21.5}]}}',
    when: "points of `SPOOL_MAX_BYTES` wait to be stored"
  }
}

const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`

interface Curl {
  readonly method: string
  readonly path: string
  readonly needsKey: boolean
  readonly headers?: Record<string, string>
  readonly body?: string
}

const curl = ({ body, headers = {}, method, needsKey, path }: Curl) =>
  [
    `curl${method === "GET" || (method === "POST" && body !== undefined) ? "" : ` -X ${method}`}`,
    ...(needsKey ? ['-H "X-API-Key: $KEY"'] : []),
    ...Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`--data-binary ${quote(body)}`]),
    `"$URL${path.replaceAll("$", String.raw`\$`)}"`
  ].join(" \\\n  ")

const block = (language: string, text: string) => `\`\`\`${language}\n${text.replace(/\n$/, "")}\n\`\`\``

const renderBody = (status: number, body: unknown) =>
  `Status ${status}:\n\n${typeof body === "string" ? block("text", body) : block("json", JSON.stringify(body, undefined, 2))}`

const renderOperation = ({ body, method, needsKey, operation, path }: ExampleRequest) => {
  const response = exampleResponse(operation)
  const request = curl({
    method,
    path,
    needsKey,
    ...(body === undefined ? {} : { headers: { "Content-Type": body.mediaType }, body: body.text })
  })
  return `### ${operation.summary}\n\n\`${operation.operationId}\`\n\n${block("sh", request)}\n\n${renderBody(response.status, response.body)}`
}

const renderError = (name: ProblemName) => {
  const { body, headers, method, path, when, withoutKey } = exampleErrors[name]
  const guide = problemGuide[name]
  const request = curl({
    method: method ?? (body === undefined ? "GET" : "POST"),
    path,
    needsKey: withoutKey !== true,
    ...(body === undefined ? {} : { body, headers: { "Content-Type": "application/json", ...headers } }),
    ...(body === undefined && headers !== undefined ? { headers } : {})
  })
  const condition = when === undefined ? "" : `If ${when}:\n\n`
  return `### ${guide.example.title}\n\n${condition}${block("sh", request)}\n\n${renderBody(guide.example.status, exampleBody(guide))}`
}

/** docs/api-examples.md */
export const renderApiExamples = (document: Document): string => {
  const requests = exampleRequests(document)
  const groups = document.tags.map(
    ({ name }) =>
      `## ${name}\n\n${requests
        .filter(({ operation }) => operation.tags.includes(name))
        .map(renderOperation)
        .join("\n\n")}`
  )
  return `# Examples of requests

A request and its response for every operation and every kind of error. They work in the demo: start \`boardwalk demo\`, and set \`URL\` and \`KEY\` to the
URL and the key that it prints. Values and times differ there.

\`\`\`sh
URL=http://127.0.0.1:8000 KEY=…
\`\`\`

<!-- Generated by \`bun run openapi\` from src/api/openapi/examples and scripts/apiExamples.ts. -->

${groups.join("\n\n")}

## Errors

All errors are explained in [errors.md](errors.md).

${problemNames.map(renderError).join("\n\n")}
`
}
