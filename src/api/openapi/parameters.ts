/** Query parameters as callers know them: Effect describes the texts they travel as, without the numbers' bounds and defaults. */
import { Schema as EffectSchema } from "effect"
import type { HttpApiEndpoint } from "effect/http-api"
import { definitionsToComponents } from "./components.ts"
import type { Parameter, Schema } from "./model.ts"
import { normalize, omit } from "./normalize.ts"

interface Decoded {
  readonly parameters: ReadonlyArray<Parameter>
  /** Components that the parameters refer to. */
  readonly definitions: Record<string, Schema>
}

const firstExample = (schema: Schema) => {
  const examples = schema["examples"]
  return Array.isArray(examples) ? { example: examples[0] as unknown } : {}
}

/** Entries of a comma list have no comma in them, and are more than blanks. */
const entry = (items: unknown): Schema => {
  const schema = items as Schema
  return schema["type"] === "string" && schema["enum"] === undefined ? { ...schema, pattern: "^[^,]*[^\\s\\uFEFF,][^,]*$" } : schema
}

const toParameter = (name: string, schema: Schema, required: boolean, definitions: Record<string, Schema>): Parameter => {
  const reference = typeof schema["$ref"] === "string" ? schema["$ref"].split("/").at(-1)! : undefined
  const described = reference === undefined ? schema : definitions[reference]!
  const description = described["description"]
  const list = schema["type"] === "array"
  return {
    name,
    in: "query",
    required,
    ...(typeof description === "string" ? { description } : {}),
    ...(list ? { style: "form", explode: false } : {}),
    schema: { ...omit(schema, "description"), ...(list ? { items: entry(schema["items"]), minItems: 1 } : {}) },
    // Explorers put examples into their forms: those of optional parameters would narrow every first try.
    ...(required ? firstExample(schema) : {})
  }
}

export const describeQuery = (endpoint: HttpApiEndpoint.Top): Decoded => {
  if (endpoint.query === undefined) return { parameters: [], definitions: {} }
  const { definitions, schema } = definitionsToComponents(EffectSchema.toJsonSchemaDocument(EffectSchema.toType(endpoint.query)))
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const properties = (schema["properties"] ?? {}) as Record<string, Schema>
  return {
    parameters: Object.entries(properties).map(([name, property]) =>
      toParameter(name, normalize(property), required.includes(name), definitions)
    ),
    definitions
  }
}
