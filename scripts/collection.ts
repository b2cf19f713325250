/**
 * The collection of requests for Postman, Bruno, Insomnia and newman, in Postman's format 2.1, made from the OpenAPI document: one request
 * per operation, and two that fail, to show what a problem looks like.
 */
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly deprecated?: boolean
  readonly description?: string
  readonly example?: unknown
  readonly schema: Schema
}

interface Schema {
  readonly $ref?: string
  readonly default?: unknown
  readonly enum?: ReadonlyArray<unknown>
  readonly examples?: ReadonlyArray<unknown>
  readonly deprecated?: boolean
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: ReadonlyArray<string>
  readonly security?: ReadonlyArray<unknown>
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: {
    readonly content: Record<string, { readonly example?: unknown; readonly examples?: Record<string, { readonly value: unknown }> }>
  }
  readonly responses: Record<string, unknown>
}

interface Document {
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, Schema> }
}

/** Ids come from the lists, so that the requests work with any gateway. */
const idVariables: Record<string, string> = { device_id: "device_id", asset_id: "asset_id", root_id: "device_id" }

const script = (listen: "test", lines: ReadonlyArray<string>) => ({ listen, script: { type: "text/javascript", exec: lines } })

const rememberId = (variable: string) => [
  `const [first] = pm.response.json().data;`,
  `if (first !== undefined) pm.collectionVariables.set("${variable}", first.id.id);`
]
const afterwards: Record<string, ReadonlyArray<string>> = { listDevices: rememberId("device_id"), listAssets: rememberId("asset_id") }

const toText = (value: unknown) =>
  Array.isArray(value) ? value.join(",") : typeof value === "object" ? JSON.stringify(value) : String(value)

const exampleOf = ({ components }: Document, { example, schema }: Parameter): string => {
  const resolved = schema.$ref === undefined ? schema : components.schemas[schema.$ref.replace("#/components/schemas/", "")]!
  const found = example ?? schema.examples?.[0] ?? schema.default ?? resolved.examples?.[0] ?? resolved.default ?? resolved.enum?.[0]
  return found === undefined ? "" : toText(found)
}

const toUrl = (document: Document, path: string, parameters: ReadonlyArray<Parameter>) => {
  const query = parameters
    .filter((parameter) => parameter.in === "query" && parameter.deprecated !== true && parameter.schema.deprecated !== true)
    .map((parameter) => ({
      key: parameter.name,
      value: exampleOf(document, parameter),
      description: parameter.description ?? "",
      disabled: parameter.required !== true
    }))
  const variables = parameters.filter((parameter) => parameter.in === "path")
  const postmanPath = path.replaceAll(/\{(\w+)\}/g, ":$1")
  const sent = query.filter((parameter) => !parameter.disabled).map(({ key, value }) => `${key}=${value}`)
  return {
    raw: `{{baseUrl}}${postmanPath}${sent.length === 0 ? "" : `?${sent.join("&")}`}`,
    host: ["{{baseUrl}}"],
    path: postmanPath.split("/").slice(1),
    ...(query.length === 0 ? {} : { query }),
    ...(variables.length === 0
      ? {}
      : {
          variable: variables.map((parameter) => {
            const { description = "", name } = parameter
            const variable = idVariables[name]
            return { key: name, value: variable === undefined ? exampleOf(document, parameter) : `{{${variable}}}`, description }
          })
        })
  }
}

/** The id that the examples use, wherever it occurs in a body. */
const withVariables = (document: Document, body: string) => {
  const parameters = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).flatMap((operation) => operation.parameters ?? [])
  )
  const deviceId = parameters.find(({ name }) => name === "device_id")?.example
  return typeof deviceId === "string" ? body.replaceAll(deviceId, "{{device_id}}") : body
}

/** Optional headers, switched off. */
const headersOf = ({ parameters = [] }: Operation) =>
  parameters
    .filter((parameter) => parameter.in === "header")
    .map(({ description = "", example, name }) => ({ key: name, value: toText(example ?? ""), description, disabled: true }))

const toBody = (document: Document, operation: Operation) => {
  const { requestBody } = operation
  const [mediaType, content] = Object.entries(requestBody?.content ?? {})[0] ?? []
  if (mediaType === undefined || content === undefined) return {}
  const example = content.example ?? Object.values(content.examples ?? {})[0]?.value
  const raw = typeof example === "string" ? example : JSON.stringify(example, undefined, 2)
  return {
    header: [{ key: "Content-Type", value: mediaType }, ...headersOf(operation)],
    body: {
      mode: "raw",
      raw: withVariables(document, raw),
      options: { raw: { language: mediaType === "application/json" ? "json" : "text" } }
    }
  }
}

const toRequest = (document: Document, path: string, method: string, operation: Operation) => {
  const status = Object.keys(operation.responses).find((code) => code.startsWith("2"))
  return {
    name: operation.summary,
    event: [
      script("test", [
        `pm.test("${operation.operationId} responds with ${status}", () => pm.response.to.have.status(${status}));`,
        ...(afterwards[operation.operationId] ?? [])
      ])
    ],
    request: {
      method: method.toUpperCase(),
      ...(operation.security?.length === 0 ? { auth: { type: "noauth" } } : {}),
      ...toBody(document, operation),
      url: toUrl(document, path, operation.parameters ?? []),
      description: operation.description
    }
  }
}

const toFailure = (name: string, path: string, status: number, errorCode: string, header: ReadonlyArray<unknown> = []) => ({
  name,
  event: [
    script("test", [
      `pm.test("${name}: ${status}, ${errorCode}", () => {`,
      `  pm.response.to.have.status(${status});`,
      `  pm.expect(pm.response.json().error_code).to.equal("${errorCode}");`,
      `});`
    ])
  ],
  request: {
    method: "GET",
    ...(header.length === 0 ? {} : { auth: { type: "noauth" }, header }),
    url: { raw: `{{baseUrl}}${path}`, host: ["{{baseUrl}}"], path: path.split("/").slice(1) },
    description: "Every error has this format: see docs/errors.md."
  }
})

const errors = {
  name: "Errors",
  item: [
    toFailure("Wrong key", "/api/v1/tb/devices", 401, "AUTHENTICATION_FAILED", [{ key: "X-API-Key", value: "wrong" }]),
    toFailure("Unknown device", "/api/v1/tb/devices/00000000-0000-4000-8000-000000000000", 404, "RESOURCE_NOT_FOUND")
  ]
}

export const buildCollection = (openApi: unknown) => {
  const document = openApi as Document
  const requests = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ tag: operation.tags[0]!, item: toRequest(document, path, method, operation) }))
  )
  const folders = [...Map.groupBy(requests, ({ tag }) => tag)].map(([name, items]) => ({ name, item: items.map(({ item }) => item) }))
  return {
    info: {
      name: document.info.title,
      description:
        "Generated by `bun run openapi` from the API contract. Set the variables `baseUrl` and `apiKey`. The lists set `device_id` and `asset_id`.",
      version: document.info.version,
      schema: "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    },
    auth: {
      type: "apikey",
      apikey: [
        { key: "key", value: "X-API-Key", type: "string" },
        { key: "value", value: "{{apiKey}}", type: "string" },
        { key: "in", value: "header", type: "string" }
      ]
    },
    variable: ["baseUrl", "apiKey", "device_id", "asset_id"].map((key) => ({
      key,
      value: key === "baseUrl" ? "http://127.0.0.1:8000" : "",
      type: "string"
    })),
    item: [...folders, errors]
  }
}
