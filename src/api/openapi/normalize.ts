/** Says in JSON Schema what Effect's schemas mean, in the words that code generators understand. */
import type { Schema } from "./model.ts"

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value)

const single = new Set(["items", "additionalProperties", "not", "if", "then", "else", "contentSchema"])
const lists = new Set(["allOf", "anyOf", "oneOf", "prefixItems"])

/** Rebuilds a schema from its leaves to its root. */
const rebuild = (schema: Schema, change: (schema: Schema) => Schema): Schema => {
  const down = (part: unknown) => (isSchema(part) ? rebuild(part, change) : part)
  const entries = Object.entries(schema).map(([keyword, value]): readonly [string, unknown] => {
    if (single.has(keyword)) return [keyword, down(value)]
    if (lists.has(keyword) && Array.isArray(value)) return [keyword, value.map(down)]
    if (keyword === "properties" && isSchema(value))
      return [keyword, Object.fromEntries(Object.entries(value).map(([name, part]) => [name, down(part)]))]
    return [keyword, value]
  })
  return change(Object.fromEntries(entries))
}

/** Effect keeps checks and their annotations apart from the type they belong to. One schema says the same. */
const withoutAllOf = (schema: Schema): Schema => {
  const { allOf, ...rest } = schema
  if (!Array.isArray(allOf)) return schema
  return Object.assign({}, rest, ...(allOf as ReadonlyArray<Schema>)) as Schema
}

/** What is anything but null by its type can be any object by its meaning: Effect's `Struct({})`. */
const emptyObject = (schema: Schema): Schema =>
  isSchema(schema["not"]) && schema["not"]["type"] === "null" ? { type: "object", ...omit(schema, "not") } : schema

/** A choice within a choice is one choice. */
const flatChoice = (schema: Schema): Schema => {
  const { anyOf } = schema
  if (!Array.isArray(anyOf)) return schema
  const inner = anyOf.find((part: Schema) => Array.isArray(part["anyOf"]))
  if (inner === undefined) return schema
  const choices = anyOf.flatMap((part: Schema) => (Array.isArray(part["anyOf"]) ? (part["anyOf"] as Array<Schema>) : [part]))
  return { ...omit(inner, "anyOf"), ...schema, anyOf: choices }
}

const constant = (schema: Schema): Schema => {
  const values = schema["enum"]
  if (!Array.isArray(values) || values.length !== 1) return schema
  const type = Number.isInteger(values[0]) ? "integer" : schema["type"]
  return { ...omit(schema, "enum"), type, const: values[0] }
}

/** Generators of typed languages take 32 bits for an integer without a format; a time in ms does not fit. */
const integer = (schema: Schema): Schema => {
  if (schema["type"] !== "integer" || "const" in schema) return schema
  const bounded = omit(
    schema,
    ...(schema["minimum"] === Number.MIN_SAFE_INTEGER ? ["minimum"] : []),
    ...(schema["maximum"] === Number.MAX_SAFE_INTEGER ? ["maximum"] : [])
  )
  const small = typeof bounded["maximum"] === "number" && bounded["maximum"] < 2 ** 31
  return { ...bounded, format: small ? "int32" : "int64" }
}

const openRest = (schema: Schema): Schema =>
  isSchema(schema["additionalProperties"]) && Object.keys(schema["additionalProperties"]).length === 0
    ? { ...schema, additionalProperties: true }
    : schema

export const omit = <T extends object>(record: T, ...names: ReadonlyArray<string>): T =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name))) as T

export const normalize = (schema: Schema): Schema =>
  rebuild(schema, (part) => openRest(integer(constant(emptyObject(flatChoice(withoutAllOf(part)))))))

/** An answer may get members in a later release: whoever reads it must not stumble over them. */
export const allowUnknownFields = (schema: Schema): Schema =>
  rebuild(schema, (part) => (part["additionalProperties"] === false ? omit(part, "additionalProperties") : part))

/** A problem always has all of its members. */
export const requireAllFields = (schema: Schema): Schema =>
  isSchema(schema["properties"]) ? { ...schema, required: Object.keys(schema["properties"]) } : schema
