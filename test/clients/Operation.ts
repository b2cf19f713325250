/** The operations of openapi.json, as far as the programs that call them need to know them. */
import { readFileSync } from "node:fs"

export const documentPath = new URL("../../openapi.json", import.meta.url).pathname

/** JSON Schema, as far as it is used here. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | ReadonlyArray<string>
  readonly format?: string
  readonly enum?: ReadonlyArray<string>
  readonly const?: unknown
  readonly items?: Schema
  readonly properties?: Record<string, Schema>
  readonly patternProperties?: Record<string, Schema>
  readonly additionalProperties?: boolean | Schema
}

interface MediaTypes {
  readonly content?: Record<string, { readonly schema?: Schema }>
}

interface DocumentedOperation {
  readonly operationId: string
  readonly tags: ReadonlyArray<string>
  readonly parameters?: ReadonlyArray<{ readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: Schema }>
  readonly requestBody?: MediaTypes
  readonly responses: Record<string, MediaTypes>
}

interface OpenApi {
  readonly paths: Record<string, Record<string, DocumentedOperation>>
  readonly components: { readonly schemas: Record<string, Schema> }
}

export interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: Schema
}

/** What a body or a response is: a file, text, or JSON of a type. */
export type Content = { readonly kind: "binary" } | { readonly kind: "text" } | { readonly kind: "json"; readonly schema: Schema }

export interface Operation {
  readonly id: string
  readonly tag: string
  readonly method: string
  readonly path: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: Content | undefined
  readonly response: Content
}

export const document = JSON.parse(readFileSync(documentPath, "utf8")) as OpenApi

/** The name of the schema in `components`, and the schema itself. */
export const resolve = (schema: Schema): { readonly name: string | undefined; readonly schema: Schema } => {
  if (schema.$ref === undefined) return { name: undefined, schema }
  const name = schema.$ref.replace("#/components/schemas/", "")
  const found = document.components.schemas[name]
  if (found === undefined) throw new Error(`openapi.json has no schema ${name}`)
  return { name, schema: found }
}

const toContent = ({ content = {} }: MediaTypes): Content | undefined => {
  const [mediaType, entry] = Object.entries(content)[0] ?? []
  if (mediaType === undefined) return undefined
  const schema = entry!.schema ?? {}
  if (mediaType === "application/json") return { kind: "json", schema }
  return mediaType.startsWith("text/") && resolve(schema).schema.format !== "binary" ? { kind: "text" } : { kind: "binary" }
}

const toOperation = (method: string, path: string, operation: DocumentedOperation): Operation => {
  const success = Object.keys(operation.responses).filter((status) => status.startsWith("2"))
  const contents = success.map((status) => toContent(operation.responses[status]!))
  // Generators have one type per operation: that of the first success.
  if (contents.length === 0 || !contents.every((content) => Bun.deepEquals(content, contents[0])))
    throw new Error(`${operation.operationId} has no success, or several with different types`)
  return {
    id: operation.operationId,
    tag: operation.tags[0]!,
    method: method.toUpperCase(),
    path,
    parameters: (operation.parameters ?? []).map(({ in: kind, name, required = false, schema }) => ({ in: kind, name, required, schema })),
    body: operation.requestBody === undefined ? undefined : toContent(operation.requestBody),
    response: contents[0]!
  }
}

export const operations: ReadonlyArray<Operation> = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => toOperation(method, path, operation))
)

export const operationsById = new Map(operations.map((operation) => [operation.id, operation]))

/** Generators put required parameters first: path, query and body in the order of the document, then the optional ones. */
export interface Argument {
  readonly name: string
  readonly schema: Schema
  readonly required: boolean
  readonly kind: "path" | "query" | "header" | "body"
}

/** The name that generators give to a body: that of its model, or a general one where the model is a map. */
const bodyName = (body: Content): string => {
  if (body.kind !== "json") return "body"
  const { name, schema } = resolve(body.schema)
  return name === undefined || schema.properties === undefined
    ? "request_body"
    : name
        .replace(/(?<=[a-z])[A-Z]/g, (c) => `_${c}`)
        .replaceAll("-", "_")
        .toLowerCase()
}

export const argumentsOf = ({ body, parameters }: Operation): ReadonlyArray<Argument> => {
  const all: ReadonlyArray<Argument> = [
    ...parameters.map(({ name, required, schema, in: kind }) => ({ name, required, schema, kind: kind as "path" | "query" | "header" })),
    ...(body === undefined
      ? []
      : [{ name: bodyName(body), required: true, kind: "body" as const, schema: body.kind === "json" ? body.schema : {} }])
  ]
  return [...all.filter(({ required }) => required), ...all.filter(({ required }) => !required)]
}

const words = (name: string) => name.split(/[_-]/)
export const toCamel = (name: string) =>
  words(name)
    .map((word, i) => (i === 0 ? word[0]!.toLowerCase() : word[0]!.toUpperCase()) + word.slice(1))
    .join("")
export const toPascal = (name: string) =>
  words(name)
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join("")
/** `getLatestTelemetry` to `get_latest_telemetry`. */
export const toSnake = (name: string) =>
  name
    .replace(/(?<=[a-z])[A-Z]/g, (c) => `_${c}`)
    .replaceAll("-", "_")
    .toLowerCase()
