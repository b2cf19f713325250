/** Answers: problems once for all endpoints, successes with their headers, forms and examples. */
import { Schema as EffectSchema } from "effect"
import { formats } from "../../domain/Format.ts"
import { AnyProblem, exampleBody, type Guide, problemGuide } from "../ProblemGuide.ts"
import { definitionsToComponents } from "./components.ts"
import type { OperationExamples } from "./examples/model.ts"
import { rateLimitedHeaders, type HeaderName, headerRefs } from "./headers.ts"
import type { Content, Response, Schema } from "./model.ts"
import { requireAllFields, normalize, omit } from "./normalize.ts"

/** Schemas of all problems by component name, whatever the endpoints declare. */
export const problemSchemas = (): Record<string, Schema> => {
  const { definitions } = definitionsToComponents(EffectSchema.toJsonSchemaDocument(AnyProblem, { onExcessProperty: "error" }))
  return Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [
      name,
      name.endsWith("Encoded") ? requireAllFields(normalize(schema)) : normalize(schema)
    ])
  )
}

/** A request without a good key, or of no endpoint, is not counted against a key. */
const uncounted: ReadonlySet<number | undefined> = new Set([401, 405, 414, 431])
const extraHeader: Record<number, HeaderName> = { 405: "Allow", 429: "Retry-After", 503: "Retry-After" }

const headersOf = (status: number) => {
  const extra = extraHeader[status]
  const extras = extra === undefined ? [] : [extra]
  return uncounted.has(status) ? headerRefs("X-Request-Id", ...extras) : rateLimitedHeaders(...extras)
}

const problemResponse = (guide: Guide): Response => {
  const example = exampleBody(guide)
  return {
    description: guide.meaning,
    headers: headersOf(guide.example.status),
    content: {
      "application/problem+json": { schema: { $ref: `#/components/schemas/${guide.example._tag}` }, example }
    }
  }
}

/** One response for each problem, by the problem's component name. */
export const problemResponses = (): Record<string, Response> =>
  Object.fromEntries(Object.values(problemGuide).map((guide) => [guide.example._tag, problemResponse(guide)]))

/** The answer of a status that stands for several problems, which `type` tells apart. */
export const combineProblems = (names: ReadonlyArray<string>): Response => {
  const responses = problemResponses()
  const chosen = names.map((name) => responses[name]!)
  const bodies = chosen.map(({ content }) => content!["application/problem+json"]!)
  return {
    ...chosen[0]!,
    description: chosen.map(({ description }) => description).join(" Or: "),
    content: { "application/problem+json": { schema: { anyOf: bodies.map(({ schema }) => schema) }, example: bodies[0]!.example } }
  }
}

const isFile = (schema: Schema) => schema["format"] === "binary"

/** A body of lines is no JSON value: it is text, and each of its lines is one. */
const lines = (schema: Schema): Schema => ({
  type: "string",
  description: "One JSON object a line.",
  contentMediaType: formats.jsonl.mediaType,
  contentSchema: schema
})

export interface DeclaredContent {
  readonly [mediaType: string]: { readonly schema: Schema; readonly "x-effect-stream"?: unknown }
}

/** Bodies by media type, with their examples; JSON first, since generators take the first they know. */
export const buildContent = (declared: DeclaredContent, examples: Record<string, unknown>): Content => {
  const types = Object.keys(declared).toSorted((a, b) => Number(b === "application/json") - Number(a === "application/json"))
  return Object.fromEntries(
    types.map((type) => {
      const schema = normalize(declared[type]!.schema)
      const described = type === formats.jsonl.mediaType && !isFile(schema) ? lines(schema) : textOf(type, schema)
      return [type, { schema: described, ...(type in examples ? { example: examples[type] } : {}) }]
    })
  )
}

const textOf = (type: string, schema: Schema): Schema => (/^text\/|ndjson/.test(type) && isFile(schema) ? omit(schema, "format") : schema)

export const successResponse = (
  description: string,
  status: number,
  declared: DeclaredContent,
  counted: boolean,
  examples: OperationExamples["responses"]
): Response => {
  const bodies = buildContent(declared, examples[status] ?? {})
  const more: ReadonlyArray<HeaderName> = [
    ...(Object.values(bodies).some(({ schema }) => isFile(schema)) ? (["Content-Disposition"] as const) : []),
    ...(status === 503 ? (["Retry-After"] as const) : [])
  ]
  return { description, headers: counted ? rateLimitedHeaders(...more) : headerRefs("X-Request-Id", ...more), content: bodies }
}
