/** The parts of an OpenAPI 3.1 document that this API uses. */
import type { JsonSchema } from "effect"

export type Schema = JsonSchema.JsonSchema

export interface Ref {
  readonly $ref: string
}

export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly required: boolean
  readonly description?: string
  readonly deprecated?: true
  readonly style?: "form"
  readonly explode?: boolean
  readonly schema: Schema
  readonly example?: unknown
}

export interface Header {
  readonly description: string
  readonly required?: boolean
  readonly schema: Schema
  readonly example: unknown
}

export interface MediaType {
  readonly schema: Schema
  readonly example?: unknown
}

export type Content = Record<string, MediaType>

/** Passes an id from a response to another operation. */
export interface Link {
  readonly operationId: string
  /** Runtime expressions, by parameter name. */
  readonly parameters: Record<string, string>
  readonly description: string
}

export interface Response {
  readonly description: string
  readonly headers?: Record<string, Ref>
  readonly content?: Content
  readonly links?: Record<string, Link>
}

export interface Operation {
  readonly tags: ReadonlyArray<string>
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly security?: ReadonlyArray<Record<string, ReadonlyArray<string>>>
  readonly parameters?: ReadonlyArray<Parameter>
  readonly requestBody?: { readonly required: true; readonly content: Content }
  readonly responses: Record<string, Response | Ref>
}

export type Method = "get" | "post" | "put" | "patch" | "delete"

export interface Document {
  readonly openapi: "3.1.0"
  readonly info: {
    readonly title: string
    readonly version: string
    readonly description: string
    readonly license: object
  }
  readonly servers: ReadonlyArray<{ readonly url: string; readonly description: string }>
  readonly security: ReadonlyArray<Record<string, ReadonlyArray<string>>>
  readonly tags: ReadonlyArray<{ readonly name: string; readonly description?: string }>
  readonly paths: Record<string, Partial<Record<Method, Operation>>>
  readonly components: {
    readonly securitySchemes: Record<string, object>
    readonly headers: Record<string, Header>
    readonly responses: Record<string, Response>
    readonly schemas: Record<string, Schema>
  }
}

export const isRef = (value: object): value is Ref => "$ref" in value
