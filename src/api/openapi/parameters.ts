/**
 * Query parameters with the types that callers use. Effect describes them as the text in the URL, which loses the limits and defaults of
 * numbers.
 */
import { Schema as EffectSchema } from "effect"
import type { HttpApiEndpoint } from "effect/http-api"
import { definitionsToComponents } from "./components.ts"
import type { Parameter, Schema } from "./model.ts"
import { normalize, omit } from "./normalize.ts"

interface DescribedQuery {
  readonly parameters: ReadonlyArray<Parameter>
  /** Schemas that the parameters reference. */
  readonly definitions: Record<string, Schema>
}

const firstExample = (schema: Schema) => {
  const examples = schema["examples"] ?? schema["enum"]
  return Array.isArray(examples) ? { example: examples[0] as unknown } : {}
}

/** Entries of a comma-separated list contain no comma and are not blank. */
const listEntry = (items: unknown): Schema => {
  const schema = items as Schema
  return schema["type"] === "string" && schema["enum"] === undefined
    ? { ...schema, pattern: "^[^,\\u0000]*[^\\s\\uFEFF,\\u0000][^,\\u0000]*$" }
    : schema
}

const toParameter = (
  name: string,
  schema: Schema,
  required: boolean,
  { isDeprecated, isRepeated }: { readonly isDeprecated: boolean; readonly isRepeated: boolean },
  definitions: Record<string, Schema>
): Parameter => {
  const reference = typeof schema["$ref"] === "string" ? schema["$ref"].split("/").at(-1)! : undefined
  const target = reference === undefined ? schema : definitions[reference]!
  const description = schema["description"] ?? target["description"]
  const isList = schema["type"] === "array"
  return {
    name,
    in: "query",
    required,
    ...(typeof description === "string" ? { description } : {}),
    ...(isDeprecated ? { deprecated: true } : {}),
    ...(isList ? { style: "form", explode: isRepeated } : {}),
    schema: {
      ...omit(schema, "description"),
      ...(isList ? { items: isRepeated ? schema["items"] : listEntry(schema["items"]), minItems: 1 } : {})
    },
    // Documentation pages fill their forms with examples; an example of an optional parameter would restrict every first request.
    ...(required ? firstExample(target) : {})
  }
}

/**
 * The parameters with an annotation that Effect does not write into JSON Schema: `deprecated`, or `explode` for a list whose entries are
 * repeated parameters.
 */
const annotatedFields = ({ ast }: EffectSchema.Top, annotation: "deprecated" | "explode"): ReadonlySet<string> =>
  new Set(
    ast._tag === "Objects"
      ? ast.propertySignatures
          .filter(({ type }) => type.context?.annotations?.[annotation] === true)
          .map((signature) => String(signature.name))
      : []
  )

export const describeQuery = (endpoint: HttpApiEndpoint.Top): DescribedQuery => {
  if (endpoint.query === undefined) return { parameters: [], definitions: {} }
  const { definitions, schema } = definitionsToComponents(EffectSchema.toJsonSchemaDocument(EffectSchema.toType(endpoint.query)))
  const deprecated = annotatedFields(endpoint.query, "deprecated")
  const repeated = annotatedFields(endpoint.query, "explode")
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const properties = (schema["properties"] ?? {}) as Record<string, Schema>
  return {
    parameters: Object.entries(properties).map(([name, property]) =>
      toParameter(
        name,
        normalize(property),
        required.includes(name),
        { isDeprecated: deprecated.has(name), isRepeated: repeated.has(name) },
        definitions
      )
    ),
    definitions
  }
}

/** The header that the middleware `Idempotency` reads. It is not part of an endpoint's schemas, so that the typed client need not pass it. */
export const idempotencyKey: Parameter = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "A new value for each new request, such as a random UUID. A repeat with the same key and the same bytes gets the first response again, for a day, and is not carried out. A quoted string (RFC 8941); without quotes, it may not contain blanks, commas and semicolons.",
  schema: {
    type: "string",
    minLength: 1,
    maxLength: 257,
    pattern: '^("[ !#-\\[\\]-~]{1,255}"|[!#-+./0-:<-~-]{1,255})$'
  }
}
