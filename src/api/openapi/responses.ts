/** Responses: problems are shared by all endpoints; successes have their own headers, formats and examples. */
import { Schema as EffectSchema } from "effect"
import { formats } from "../../domain/Format.ts"
import { exampleBody, type Guide, problemGuide } from "../ProblemGuide.ts"
import { Problem } from "../Problems.ts"
import { definitionsToComponents } from "./components.ts"
import type { OperationExamples } from "./examples/model.ts"
import { rateLimitedHeaders, type HeaderName, headerRefs } from "./headers.ts"
import type { Content, Response, Schema } from "./model.ts"
import { requireAllFields, normalize, omit } from "./normalize.ts"

/** The schemas of all problems, by component name, whether or not an endpoint declares them. */
export const problemSchemas = (): Record<string, Schema> => {
  const { definitions } = definitionsToComponents(EffectSchema.toJsonSchemaDocument(Problem, { onExcessProperty: "error" }))
  return Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [
      name,
      name.endsWith("Encoded") ? requireAllFields(normalize(schema)) : normalize(schema)
    ])
  )
}

/** Responses that are not counted against a key. The document does not promise rate limit headers for them. */
const withoutRateLimit: ReadonlySet<number> = new Set([401, 405, 414, 431])
const extraHeader: Record<number, HeaderName> = { 405: "Allow", 429: "Retry-After", 503: "Retry-After" }

const headersOf = (status: number) => {
  const extra = extraHeader[status]
  const extras = extra === undefined ? [] : [extra]
  return withoutRateLimit.has(status) ? headerRefs("X-Request-Id", ...extras) : rateLimitedHeaders(...extras)
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

/** One response per problem, by the component name of the problem. */
export const problemResponses = (): Record<string, Response> =>
  Object.fromEntries(Object.values(problemGuide).map((guide) => [guide.example._tag, problemResponse(guide)]))

/** The response of a status that several problems share; `type` identifies the problem. */
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

/** An NDJSON body is not a JSON value but text; each line is a JSON value. */
const ndjsonText = (schema: Schema): Schema => ({
  type: "string",
  description: "One JSON object per line.",
  contentMediaType: formats.jsonl.mediaType,
  contentSchema: schema
})

export interface DeclaredContent {
  readonly [mediaType: string]: { readonly schema: Schema; readonly "x-effect-stream"?: unknown }
}

/** Bodies by media type, with examples. JSON comes first, because code generators use the first type that they support. */
export const buildContent = (declared: DeclaredContent, examples: Record<string, unknown>): Content => {
  const types = Object.keys(declared).toSorted((a, b) => Number(b === "application/json") - Number(a === "application/json"))
  return Object.fromEntries(
    types.map((type) => {
      const schema = normalize(declared[type]!.schema)
      const described = type === formats.jsonl.mediaType && !isFile(schema) ? ndjsonText(schema) : textOf(type, schema)
      return [type, { schema: described, ...(type in examples ? { example: examples[type] } : {}) }]
    })
  )
}

const textOf = (type: string, schema: Schema): Schema => (/^text\/|ndjson/.test(type) && isFile(schema) ? omit(schema, "format") : schema)

export const successResponse = (
  description: string,
  status: number,
  declared: DeclaredContent,
  isRateLimited: boolean,
  examples: OperationExamples["responses"]
): Response => {
  const bodies = buildContent(declared, examples[status] ?? {})
  const more: ReadonlyArray<HeaderName> = [
    ...(Object.values(bodies).some(({ schema }) => isFile(schema)) ? (["Content-Disposition"] as const) : []),
    ...(status === 503 ? (["Retry-After"] as const) : [])
  ]
  return { description, headers: isRateLimited ? rateLimitedHeaders(...more) : headerRefs("X-Request-Id", ...more), content: bodies }
}
