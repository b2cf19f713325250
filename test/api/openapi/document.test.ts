import { describe, expect, test } from "bun:test"
import { Context, Option, Schema } from "effect"
import { HttpApi, type HttpApiEndpoint, OpenApi } from "effect/http-api"
import { generated } from "../../../scripts/generated.ts"
import { Api } from "../../../src/api/Api.ts"
import { buildDocument } from "../../../src/api/openapi/document.ts"
import { examples } from "../../../src/api/openapi/examples/index.ts"
import { isRef, type Operation } from "../../../src/api/openapi/model.ts"

const root = new URL("../../..", import.meta.url)
const spec = buildDocument()
const operations: ReadonlyArray<Operation> = Object.values(spec.paths).flatMap((methods) => Object.values(methods))
const operation = (id: string) => operations.find(({ operationId }) => operationId === id)!
const parameter = (id: string, name: string) => operation(id).parameters?.find((candidate) => candidate.name === name)

test.each(Object.entries(generated))("%s is up to date with the contract; `bun run openapi` writes it", async (name, make) => {
  expect(await Bun.file(new URL(name, root)).text()).toBe(make())
})

test("every call builds the same document", () => {
  expect(JSON.stringify(buildDocument())).toBe(JSON.stringify(spec))
})

describe("query parameters have the types that callers use", () => {
  test("integers have limits and defaults", () => {
    expect(parameter("listDevices", "page_size")).toEqual({
      name: "page_size",
      in: "query",
      required: false,
      description: "Items per page.",
      schema: { type: "integer", format: "int32", minimum: 1, maximum: 1000, default: 100 }
    })
  })

  test("comma-separated lists are arrays with explode: false", () => {
    expect(parameter("exportTelemetry", "keys")).toMatchObject({
      style: "form",
      explode: false,
      schema: { type: "array", minItems: 1, items: { type: "string", maxLength: 255 } }
    })
  })

  test("a repeated parameter is an array with explode: true, whose entries may contain commas", () => {
    const key = parameter("exportTelemetry", "key")
    expect(key).toMatchObject({ style: "form", explode: true, schema: { type: "array", items: { type: "string", maxLength: 255 } } })
    const items = key!.schema["items"] as { readonly pattern: string }
    expect(["a,b", " a ", " "].map((text) => new RegExp(items.pattern, "u").test(text))).toEqual([true, true, false])
  })

  test("a boolean is a boolean, an enumeration is an enumeration", () => {
    expect(parameter("listDevices", "active")?.schema).toEqual({ type: "boolean" })
    expect(parameter("exportTelemetry", "agg")?.schema).toEqual({ $ref: "#/components/schemas/Aggregation" })
  })

  test("an interval is milliseconds or a duration", () => {
    const schema = parameter("exportTelemetry", "interval")?.schema
    expect(schema).toMatchObject({ type: "string" })
    const accepts = (text: string) => new RegExp(String(schema!["pattern"])).test(text)
    expect(["15m", "1mo", "1y", "0d"].map(accepts)).toEqual([true, true, false, false])
    expect(["999", "1000", "3600000", "9999999999", "31622400000"].map(accepts)).toEqual([false, true, true, true, true])
    expect(["31622400001", "31622500000", "31700000000", "40000000000", "01000"].map(accepts)).toEqual([false, false, false, false, false])
  })
})

test("reads of all keys declare the header with the keys that they leave out", () => {
  const declaring = operations.filter(({ responses }) => JSON.stringify(responses["200"] ?? {}).includes("X-Keys-Skipped"))
  expect(declaring.map(({ operationId }) => operationId)).toEqual(["getTelemetry", "exportTelemetry", "exportTelemetryOfMany"])
})

test("every endpoint outside of System needs a key", () => {
  expect(spec.security).toEqual([{ ApiKey: [] }])
  expect(operations.filter(({ security }) => security !== undefined).map(({ tags }) => tags[0])).toEqual([
    "System",
    "System",
    "System",
    "System"
  ])
  expect(spec.components.securitySchemes["ApiKey"]).toMatchObject({ type: "apiKey", in: "header", name: "X-API-Key" })
})

test("components have public names", () => {
  const invalidNames = Object.keys(spec.components.schemas).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name) || name.endsWith("Encoded"))
  expect(invalidNames).toEqual([])
  expect(JSON.stringify(spec)).not.toContain("x-effect")
})

test("requests reject unknown fields, responses allow them", () => {
  const { schemas } = spec.components
  const query = schemas["TelemetryQuery"]!
  expect(query["propertyNames"]).toEqual({ enum: Object.keys(query["properties"] as object) })
  const closed = Object.entries(schemas).filter(([, schema]) => "propertyNames" in schema && "properties" in schema)
  expect(closed.map(([name]) => name)).toEqual(["ExportMany", "LatestOfMany", "PointInput", "TelemetryQuery"])
  expect(schemas["Device"]).not.toHaveProperty("additionalProperties")
  expect(schemas["DeviceList"]).not.toHaveProperty("additionalProperties")
  expect(schemas["Problem"]).not.toHaveProperty("additionalProperties")
  expect(schemas["ErrorDetails"]).not.toHaveProperty("additionalProperties")
})

describe("generators for typed languages", () => {
  const parts: Array<Record<string, unknown>> = []
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    if (!Array.isArray(value)) parts.push(value as Record<string, unknown>)
    Object.values(value).forEach(collect)
  }
  collect(spec.components.schemas)
  collect(operations.map(({ parameters }) => parameters))

  test("find no default next to a reference or an enum, only in the description", () => {
    const withDefault = parts.filter((part) => typeof part["default"] === "string" && ("$ref" in part || "enum" in part))
    expect(withDefault).toEqual([])
    const rootType = operation("getGraph").parameters!.find(({ name }) => name === "root_type")
    expect(rootType).toMatchObject({
      description: "Entity type of the root. Default: DEVICE.",
      schema: { $ref: "#/components/schemas/GraphRootType" }
    })
    expect(spec.components.schemas["NumericText"]!["description"]).toEndWith(" Default: refuse.")
  })

  test("find no maps with nulls", () => {
    const maps = parts.map((part) => part["additionalProperties"]).filter((values) => typeof values === "object")
    expect(maps.length).toBeGreaterThan(5)
    expect(maps.filter((values) => JSON.stringify(values).includes('"null"'))).toEqual([])
  })
})

test("responses declare their headers", () => {
  const { headers, responses } = spec.components
  expect(Object.values(responses).filter((response) => response.headers?.["X-Request-Id"] === undefined)).toEqual([])
  expect(responses["RateLimited"]?.headers).toHaveProperty("Retry-After")
  const unavailable = operations.flatMap(({ responses: own }) => (own["503"] === undefined ? [] : [own["503"]]))
  expect(unavailable.length).toBeGreaterThan(10)
  for (const response of unavailable)
    expect(JSON.stringify(response)).toMatch(/#\/components\/(headers\/Retry-After|responses\/Overloaded)/)
  expect(responses["MethodNotAllowed"]?.headers).toHaveProperty("Allow")
  expect(responses["Unauthenticated"]?.headers).not.toHaveProperty("X-RateLimit-Limit")
  expect(operation("exportTelemetry").responses["200"]).toHaveProperty(["headers", "Content-Disposition"])
  expect(Object.keys(headers)).toContain("RateLimit-Policy")
})

test.each(operations.map((operation) => [operation.operationId, operation] as const))(
  "%s has a summary, descriptions and examples",
  (_, operation) => {
    expect(operation.summary).not.toBe("")
    expect(operation.description).toMatch(/\.$/)
    const bodies = Object.values(operation.responses).flatMap((response) => (isRef(response) ? [] : Object.values(response.content ?? {})))
    const textBodies = [...bodies, ...Object.values(operation.requestBody?.content ?? {})].filter(
      ({ schema }) => schema["format"] !== "binary"
    )
    expect(textBodies.filter(({ example }) => example === undefined)).toEqual([])
    expect(operation.parameters?.filter((parameter) => parameter.description === undefined) ?? []).toEqual([])
  }
)

const isStream = (schema: object) => "_tag" in schema && typeof schema._tag === "string" && schema._tag.startsWith("Stream")

/** Checks examples against the contract itself; the linter checks them against the document. */
const decodes = (schemas: Iterable<Schema.Top>, value: unknown) =>
  [...schemas].some((schema) => Option.isSome(Schema.decodeUnknownOption(Schema.toCodecJson(schema as Schema.Codec<unknown>))(value)))

const endpoints: Array<readonly [string, HttpApiEndpoint.Top]> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint }) => {
    endpoints.push([Option.getOrThrow(Context.getOption(endpoint.annotations, OpenApi.Identifier)), endpoint])
  }
})

test.each(endpoints)("the examples of %s match the schemas of the contract", (id, endpoint) => {
  const { request, responses } = examples[id]!
  const successes = [...endpoint.success]
  for (const bodies of Object.values(responses)) {
    const bodySchemas = successes.filter((schema) => !isStream(schema))
    const [body] = Object.values(bodies)
    // A file is text; its rows are tested with the endpoint.
    expect(bodySchemas.length === 0 ? typeof body === "string" : decodes(bodySchemas, body)).toBe(true)
  }
  if (request === undefined) return
  const [type, body] = Object.entries(request)[0]!
  const { schemas } = endpoint.payload.get(type)!
  expect([...schemas].every(isStream) ? typeof body === "string" : decodes(schemas, body)).toBe(true)
})

test("an operation lists the problems of what it has: of a body, of a path with an id, of ThingsBoard and of a key", () => {
  for (const [path, methods] of Object.entries(buildDocument().paths))
    for (const { operationId, requestBody, responses, security } of Object.values(methods)) {
      const listed = [404, 408, 413, 415, 401, 403, 502, 504].filter((status) => status in responses)
      const ids = /\{\w+_id\}/.test(path) || operationId === "exportTelemetryOfMany" ? [404] : []
      const body = requestBody === undefined ? [] : [408, 413, 415]
      // The state of a batch is known to the gateway.
      const upstream = operationId === "getBatch" ? [] : [502, 504]
      const key = security?.length === 0 ? [] : [401, 403, ...upstream]
      expect([operationId, listed]).toEqual([operationId, [...ids, ...body, ...key]])
    }
})
