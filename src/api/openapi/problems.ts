/**
 * The schema of all problems. The document describes them as one type, so that generated clients have one type of error, whichever
 * operation and status it comes from. The contract has a class per problem.
 */
import { Schema as EffectSchema } from "effect"
import { exampleBody, problemGuide } from "../ProblemGuide.ts"
import { Problem } from "../Problems.ts"
import { definitionsToComponents } from "./components.ts"
import type { Schema } from "./model.ts"
import { normalize, omit } from "./normalize.ts"

const guides = Object.values(problemGuide)

const codes = [...new Set(guides.map(({ example }) => example.error_code))].toSorted()

/** Fields that are constants in the contract, or differ between problems. */
const describedFields: Record<string, Schema> = {
  type: { type: "string", format: "uri-reference", description: "Identifies the problem, and is the address of the page about it." },
  status: { type: "integer", format: "int32", description: "The HTTP status." },
  title: { type: "string", description: "The problem in a few words." },
  error_code: {
    type: "string",
    description: `The kind of error: ${codes.map((code) => `\`${code}\``).join(", ")}. Later releases may have more.`
  },
  error: { type: "string", description: "Only with `RATE_LIMIT_EXCEEDED`, where it is always the same text." },
  details: { $ref: "#/components/schemas/ErrorDetails" }
}

/** The fields of all schemas. A field is required if all of them have it, since a problem always has all of its fields. */
const merge = (schemas: ReadonlyArray<Schema>) => {
  const allFields = schemas.map((schema) => (schema["properties"] ?? {}) as Record<string, Schema>)
  const properties: Record<string, Schema> = Object.assign({}, ...allFields)
  return { properties, required: Object.keys(properties).filter((name) => allFields.every((fields) => name in fields)) }
}

/** `Problem`, and the schemas that it references. */
export const problemSchemas = (): Record<string, Schema> => {
  const { definitions } = definitionsToComponents(EffectSchema.toJsonSchemaDocument(Problem))
  const problems = guides.map(({ example }) => normalize(definitions[`${example._tag}Encoded`]!))
  const { properties, required } = merge(problems)
  const details = merge(problems.map((problem) => (problem["properties"] as Record<string, Schema>)["details"]!))
  return {
    Problem: {
      type: "object",
      description: "An error (RFC 9457), with the fields that clients of the FastAPI proxy read.",
      properties: { ...properties, ...describedFields },
      required,
      examples: [exampleBody(problemGuide["invalid-request"])]
    },
    ErrorDetails: {
      type: "object",
      description: "What the error is about. Each kind of error has its own fields, or none.",
      properties: details.properties
    },
    FieldError: omit(normalize(definitions["FieldError"]!), "additionalProperties")
  }
}
