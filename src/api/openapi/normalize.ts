/** Rewrites the JSON Schema that Effect generates into equivalent keywords that code generators understand. */
import type { Schema } from "./model.ts"

const isSchema = (value: unknown): value is Schema => typeof value === "object" && value !== null && !Array.isArray(value)

const schemaKeywords = new Set(["items", "additionalProperties", "not", "if", "then", "else", "contentSchema"])
const schemaListKeywords = new Set(["allOf", "anyOf", "oneOf", "prefixItems"])

/** Applies a change to a schema and all schemas in it, innermost first. */
const rebuild = (schema: Schema, change: (schema: Schema) => Schema): Schema => {
  const rebuildPart = (part: unknown) => (isSchema(part) ? rebuild(part, change) : part)
  const entries = Object.entries(schema).map(([keyword, value]): readonly [string, unknown] => {
    if (schemaKeywords.has(keyword)) return [keyword, rebuildPart(value)]
    if (schemaListKeywords.has(keyword) && Array.isArray(value)) return [keyword, value.map(rebuildPart)]
    if ((keyword === "properties" || keyword === "patternProperties") && isSchema(value))
      return [keyword, Object.fromEntries(Object.entries(value).map(([name, part]) => [name, rebuildPart(part)]))]
    return [keyword, value]
  })
  return change(Object.fromEntries(entries))
}

/** Effect puts checks and their annotations into `allOf`, next to the type. One schema without `allOf` is equivalent. */
const mergeAllOf = (schema: Schema): Schema => {
  const { allOf, ...rest } = schema
  if (!Array.isArray(allOf)) return schema
  return Object.assign({}, rest, ...(allOf as ReadonlyArray<Schema>)) as Schema
}

/** Effect's `Struct({})` becomes `not: null` in JSON Schema, but it means an object. */
const asObject = (schema: Schema): Schema =>
  isSchema(schema["not"]) && schema["not"]["type"] === "null" ? { type: "object", ...omit(schema, "not") } : schema

/** A map whose keys have a pattern. Code generators know `additionalProperties`, but not `patternProperties`. */
const asMap = (schema: Schema): Schema => {
  const { additionalProperties: _, patternProperties, ...rest } = schema
  const [entry, ...others] = isSchema(patternProperties) ? Object.entries(patternProperties) : []
  return entry === undefined || others.length > 0
    ? schema
    : { ...rest, propertyNames: { type: "string", pattern: entry[0] }, additionalProperties: entry[1] }
}

/**
 * A plain type or null. Code generators understand a list of types better than an `anyOf`. An object that can be null lists no required
 * fields: clients generated for Go look for them in `null` too.
 */
const asNullable = (schema: Schema): Schema => {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || anyOf.length !== 2) return schema
  const [plain, other] = anyOf as ReadonlyArray<Schema>
  return other!["type"] === "null" && typeof plain!["type"] === "string" && plain!["enum"] === undefined
    ? { ...omit(plain!, "required"), ...rest, type: [plain!["type"], "null"] }
    : schema
}

/** Flattens an `anyOf` inside an `anyOf`. */
const flattenAnyOf = (schema: Schema): Schema => {
  const { anyOf } = schema
  if (!Array.isArray(anyOf)) return schema
  const inner = anyOf.find((part: Schema) => Array.isArray(part["anyOf"]))
  if (inner === undefined) return schema
  const choices = anyOf.flatMap((part: Schema) => (Array.isArray(part["anyOf"]) ? (part["anyOf"] as Array<Schema>) : [part]))
  return { ...omit(inner, "anyOf"), ...schema, anyOf: choices }
}

/** Adds a format to integers, and removes limits that only repeat the safe integers of JavaScript. Without a format, code generators for typed languages use 32 bits, which is too small for a time in ms. */
const addIntegerFormat = (schema: Schema): Schema => {
  if (schema["type"] !== "integer") return schema
  const bounded = omit(
    schema,
    ...(schema["minimum"] === Number.MIN_SAFE_INTEGER ? ["minimum"] : []),
    ...(schema["maximum"] === Number.MAX_SAFE_INTEGER ? ["maximum"] : [])
  )
  const fitsInt32 = typeof bounded["maximum"] === "number" && bounded["maximum"] < 2 ** 31
  return { ...bounded, format: fitsInt32 ? "int32" : "int64" }
}

/**
 * States the default of an enum in words. Next to a reference, or in an enum whose constants have names of their own, `default` makes
 * generators forget the type (Rust) or use a constant that does not exist (Kotlin).
 */
const describeDefault = (schema: Schema): Schema => {
  const { default: value, description, ...rest } = schema
  return typeof value === "string" && (schema["enum"] !== undefined || schema["$ref"] !== undefined)
    ? { ...rest, description: [description, `Default: ${value}.`].filter((text) => text !== undefined).join(" ") }
    : schema
}

/** Replaces an empty `additionalProperties` schema by `true`. */
const openRest = (schema: Schema): Schema =>
  isSchema(schema["additionalProperties"]) && Object.keys(schema["additionalProperties"]).length === 0
    ? { ...schema, additionalProperties: true }
    : schema

/** A copy of the record without these fields. */
export const omit = <T extends object>(record: T, ...names: ReadonlyArray<string>): T =>
  Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name))) as T

export const normalize = (schema: Schema): Schema =>
  rebuild(schema, (part) => describeDefault(openRest(addIntegerFormat(asMap(asObject(asNullable(flattenAnyOf(mergeAllOf(part)))))))))

/**
 * For requests: names the fields that an object can have. For `additionalProperties: false`, or `true`, OpenAPI Generator before 7.16 makes
 * Java classes that are maps, whose fields are neither read nor sent.
 */
export const allowOnlyKnownFields = (schema: Schema): Schema =>
  rebuild(schema, (part) =>
    part["additionalProperties"] === false && isSchema(part["properties"])
      ? { ...omit(part, "additionalProperties"), propertyNames: { enum: Object.keys(part["properties"]) } }
      : part
  )

/** For responses: a later release may add fields, which clients must ignore. That is the default, so it is not stated; see above. */
export const allowUnknownFields = (schema: Schema): Schema =>
  rebuild(schema, (part) =>
    part["additionalProperties"] === false || (part["additionalProperties"] === true && "properties" in part)
      ? omit(part, "additionalProperties")
      : part
  )
