/** The requests that the OpenAPI document gives as examples, as a documentation page sends them, and docs/api-examples.md. */
import type { Document, Operation, Parameter } from "../src/api/openapi/model.ts"

export interface ExampleRequest {
  readonly operation: Operation
  readonly method: string
  /** The path with its query. */
  readonly path: string
  readonly needsKey: boolean
  readonly body?: { readonly mediaType: string; readonly text: string }
}

const render = (example: unknown): string => (typeof example === "string" ? example : JSON.stringify(example, undefined, 2))

/** What a documentation page fills a parameter's field with. */
const valueOf = ({ example, schema }: Parameter): unknown => {
  if (example !== undefined) return example
  const examples = schema["examples"]
  return Array.isArray(examples) ? examples[0] : undefined
}

const queryOf = (parameters: ReadonlyArray<Parameter>): string => {
  const required = parameters.filter((parameter) => parameter.in === "query" && parameter.required)
  return required.length === 0
    ? ""
    : `?${required.map((parameter) => `${parameter.name}=${encodeURIComponent(String(valueOf(parameter)))}`).join("&")}`
}

const bodyOf = (operation: Operation): ExampleRequest["body"] => {
  const [mediaType, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
  return mediaType === undefined ? undefined : { mediaType, text: render(content!.example) }
}

/** One request per operation. */
export const exampleRequests = ({ paths }: Document): ReadonlyArray<ExampleRequest> =>
  Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const parameters = operation.parameters ?? []
      const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(String(valueOf(parameters.find((parameter) => parameter.name === name)!)))
      )
      const body = bodyOf(operation)
      return {
        operation,
        method: method.toUpperCase(),
        path: path + queryOf(parameters),
        needsKey: operation.security?.length !== 0,
        ...(body === undefined ? {} : { body })
      }
    })
  )
