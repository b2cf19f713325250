/** Responses: problems are shared by all endpoints; successes have their own headers, formats and examples. */
import { exampleBody, type Guide, problemGuide } from "../ProblemGuide.ts"
import type { OperationExamples } from "./examples/model.ts"
import { rateLimitedHeaders, type HeaderName, headerRefs } from "./headers.ts"
import type { Content, Response, Schema } from "./model.ts"
import { normalize } from "./normalize.ts"

/** Responses that are not counted against a key. The document does not promise rate limit headers for them. */
const withoutRateLimit: ReadonlySet<number> = new Set([401, 405, 414, 431])
const extraHeader: Record<number, HeaderName> = {
  405: "Allow",
  409: "Retry-After",
  429: "Retry-After",
  503: "Retry-After",
  507: "Retry-After"
}

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
      "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" }, example }
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
  return { ...chosen[0]!, description: chosen.map(({ description }) => description).join(" Or: ") }
}

const isFile = (schema: Schema) => schema["format"] === "binary"

export interface DeclaredContent {
  readonly [mediaType: string]: { readonly schema: Schema; readonly "x-effect-stream"?: unknown }
}

/** The body by media type, with examples. */
export const buildContent = (declared: DeclaredContent, examples: Record<string, unknown>): Content =>
  Object.fromEntries(
    Object.entries(declared).map(([type, { schema }]) => [
      type,
      { schema: normalize(schema), ...(type in examples ? { example: examples[type] } : {}) }
    ])
  )

export const successResponse = (
  description: string,
  status: number,
  declared: DeclaredContent,
  isRateLimited: boolean,
  examples: OperationExamples["responses"],
  ofOperation: ReadonlyArray<HeaderName>
): Response => {
  const bodies = buildContent(declared, examples[status] ?? {})
  const more: ReadonlyArray<HeaderName> = [
    ...(Object.values(bodies).some(({ schema }) => isFile(schema)) ? (["Content-Disposition"] as const) : []),
    ...(status === 503 ? (["Retry-After"] as const) : ofOperation)
  ]
  return { description, headers: isRateLimited ? rateLimitedHeaders(...more) : headerRefs("X-Request-Id", ...more), content: bodies }
}
