/**
 * What code generators need, beyond a valid document: names for everything that becomes a type, and no construct that they turn into
 * types that do not compile or cannot be used.
 */
import { expect, test } from "bun:test"
import { problemGuide, exampleBody } from "../../../src/api/ProblemGuide.ts"
import { buildDocument } from "../../../src/api/openapi/document.ts"
import { isRef, type Operation, type Schema } from "../../../src/api/openapi/model.ts"

const spec = buildDocument()
const { responses: sharedResponses, schemas } = spec.components
const operations: ReadonlyArray<Operation> = Object.values(spec.paths).flatMap((methods) => Object.values(methods))
const responsesOf = (operation: Operation) =>
  Object.entries(operation.responses).map(
    ([status, response]) => [Number(status), isRef(response) ? sharedResponses[response.$ref.split("/").at(-1)!]! : response] as const
  )

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value)

interface Found {
  readonly where: string
  readonly schema: Schema
  /** Whether the schema is a component, so that it has a name. */
  readonly isNamed: boolean
}

/** The schema and all schemas in it that describe a part of a value. Conditions (`if`, `not`) describe no type, so they are left out. */
const partsOf = ({ isNamed, schema, where }: Found): ReadonlyArray<Found> => {
  const inner: Array<Found> = []
  const add = (name: string, part: unknown) => {
    if (isSchema(part)) inner.push({ where: `${where}.${name}`, schema: part, isNamed: false })
  }
  for (const [name, part] of Object.entries((schema["properties"] ?? {}) as object)) add(name, part)
  for (const keyword of ["items", "additionalProperties", "contentSchema"]) add(keyword, schema[keyword])
  for (const keyword of ["allOf", "anyOf", "oneOf", "prefixItems"]) {
    const parts = schema[keyword]
    if (Array.isArray(parts)) for (const [i, part] of parts.entries()) add(`${keyword}[${i}]`, part)
  }
  return [{ isNamed, schema, where }, ...inner.flatMap(partsOf)]
}

const used: ReadonlyArray<Found> = [
  ...Object.entries(schemas).map(([where, schema]) => ({ where, schema, isNamed: true })),
  ...operations.flatMap((operation) => [
    ...(operation.parameters ?? []).map(({ name, schema }) => ({ where: `${operation.operationId}?${name}`, schema, isNamed: false })),
    ...[operation.requestBody, ...responsesOf(operation).map(([, response]) => response)].flatMap((body) =>
      Object.values(body?.content ?? {}).map(({ schema }) => ({ where: operation.operationId, schema, isNamed: false }))
    )
  ])
].flatMap(partsOf)

const placesWhere = (matches: (found: Found) => boolean) => [...new Set(used.filter(matches).map(({ where }) => where))]

test("every object with fields and every enum has a name", () => {
  expect(used.length).toBeGreaterThan(300)
  expect(placesWhere(({ isNamed, schema }) => !isNamed && ("properties" in schema || "enum" in schema || "const" in schema))).toEqual([])
})

test("an object without a name is a map: additionalProperties with the type of its values", () => {
  const isNoMap = ({ isNamed, schema }: Found) =>
    !isNamed && schema["type"] === "object" && (!isSchema(schema["additionalProperties"]) || "patternProperties" in schema)
  expect(placesWhere(isNoMap)).toEqual([])
  expect(placesWhere(({ schema }) => "patternProperties" in schema)).toEqual([])
})

test("there are no unions", () => {
  const isUnion = ({ schema }: Found) => ["anyOf", "oneOf", "allOf"].some((keyword) => keyword in schema)
  const unions = used.filter(isUnion).map(({ schema, where }) => [where, schema["anyOf"]])
  expect(unions).toEqual([])
  const typeLists = used.filter(({ schema }) => Array.isArray(schema["type"]))
  const latestPoints = typeLists.filter(({ where }) => where === "LatestPoint")
  expect(latestPoints.map(({ schema }) => schema["type"])).toEqual([["object", "null"]])
  const others = typeLists.filter(({ where }) => where !== "LatestPoint")
  for (const { schema } of others) expect(schema["type"]).toEqual(["string", "null"])
})

test("only free-form values have no type", () => {
  const isFreeForm = ({ schema }: Found) => !["type", "$ref", "anyOf"].some((keyword) => keyword in schema)
  expect(placesWhere(isFreeForm)).toEqual(["Asset.additionalInfo", "Device.additionalInfo", "Value", "ValueInput"])
})

test("each operation has one type for all successes, and one media type for its body and for each response", () => {
  for (const operation of operations) {
    const schemas = responsesOf(operation)
      .filter(([status]) => status < 300)
      .map(([, response]) => JSON.stringify(Object.entries(response.content ?? {}).map(([type, { schema }]) => [type, schema])))
    expect([operation.operationId, new Set(schemas).size]).toEqual([operation.operationId, 1])
    if (operation.requestBody !== undefined)
      expect([operation.operationId, Object.keys(operation.requestBody.content).length]).toEqual([operation.operationId, 1])
  }
})

test("each response has a body, unless its status excludes one", () => {
  for (const operation of operations)
    for (const [status, response] of responsesOf(operation)) {
      const bodies = Object.keys(response.content ?? {}).length
      expect([operation.operationId, status, bodies]).toEqual([operation.operationId, status, status === 204 || status === 304 ? 0 : 1])
    }
})

test("files are binary, under one media type", () => {
  const file = { "application/octet-stream": { schema: { type: "string", format: "binary" } } }
  const isFileOf = (content: unknown) => expect(content).toMatchObject(file)
  for (const id of ["exportTelemetry", "exportTelemetryOfMany"]) {
    const operation = operations.find(({ operationId }) => operationId === id)!
    isFileOf((operation.responses["200"] as { content: unknown }).content)
  }
  for (const id of ["importTelemetry", "importTelemetryOfMany"])
    isFileOf(operations.find(({ operationId }) => operationId === id)!.requestBody!.content)
})

test("all errors have the same type, which has the fields of every problem", () => {
  for (const operation of operations)
    for (const [status, response] of responsesOf(operation))
      if (status >= 400 && operation.operationId !== "getReadiness")
        expect(response.content).toMatchObject({ "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } })
  const fieldsOf = (name: string) => Object.keys(schemas[name]!["properties"] as object)
  const examples = Object.values(problemGuide).map(exampleBody)
  const allFields = new Set(examples.flatMap((example) => Object.keys(example)))
  expect([...allFields].toSorted()).toEqual(fieldsOf("Problem").toSorted())
  const allDetails = new Set(examples.flatMap(({ details }) => Object.keys(details)))
  expect([...allDetails].toSorted()).toEqual(fieldsOf("ErrorDetails").toSorted())
  const common = [...allFields].filter((field) => examples.every((example) => field in example))
  expect(schemas["Problem"]!["required"]).toEqual(expect.arrayContaining(common))
  expect(common).toEqual(expect.arrayContaining(["error_code", "message", "details", "detail", "instance", "type", "status", "title"]))
  for (const { error_code } of examples)
    expect((schemas["Problem"]!["properties"] as Record<string, Schema>)["error_code"]!["description"]).toContain(`\`${error_code}\``)
})

/** The constants of an enum, as generators name them: by `x-enum-varnames`, in capitals, or in Pascal case. */
const constantsOf = (schema: Schema): ReadonlyArray<string> => {
  const given = schema["x-enum-varnames"] as ReadonlyArray<string> | undefined
  const values = schema["enum"] as ReadonlyArray<string>
  if (given !== undefined) {
    expect(given.length).toBe(values.length)
    return given
  }
  const words = values.map((value) => value.replaceAll(/\W/g, "_"))
  return [
    ...words.map((word) => word.toUpperCase()),
    ...words.map((word) => word.replaceAll(/(?:^|_)(\w)/g, (_, c: string) => c.toUpperCase()))
  ]
}

test("no constant has the name of a type or of a constant of another enum", () => {
  const owners = new Map<string, string>(Object.keys(schemas).map((name) => [name, name]))
  for (const [name, schema] of Object.entries(schemas)) {
    if (!("enum" in schema)) continue
    for (const constant of new Set(constantsOf(schema))) {
      expect([name, constant, owners.get(constant)]).toEqual([name, constant, undefined])
      owners.set(constant, name)
    }
  }
  expect(constantsOf(schemas["AttributeScope"]!)).toEqual(["ServerScope", "SharedScope", "ClientScope"])
})

test("types do not have names that languages or generators use themselves", () => {
  const taken = ["Attribute", "Client", "Configuration", "Error", "Index", "Key", "Object", "Range", "Record", "Result", "Type"]
  expect(taken.filter((name) => name in schemas)).toEqual([])
  // Go and C# ignore case in some places, and file systems do.
  const lower = Object.keys(schemas).map((name) => name.toLowerCase())
  expect(new Set(lower).size).toBe(lower.length)
})

test("deprecated parameters are marked", () => {
  const deprecated = operations.flatMap(({ operationId, parameters = [] }) =>
    parameters.filter((parameter) => parameter.deprecated).map(({ name }) => `${operationId}?${name}`)
  )
  expect(deprecated).toEqual(["getTelemetry?format"])
})
