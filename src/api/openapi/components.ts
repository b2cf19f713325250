/** References to components, and the public names of the components. */
import type { Schema } from "./model.ts"

const prefix = "#/components/schemas/"

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value)

/** Renames the target of every reference in a value. */
export const mapRefs = <T>(value: T, rename: (name: string) => string): T => {
  const visit = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(visit)
    if (!isRecord(part)) return part
    return Object.fromEntries(
      Object.entries(part).map(([key, inner]) => [
        key,
        key === "$ref" && typeof inner === "string" && inner.startsWith(prefix) ? prefix + rename(inner.slice(prefix.length)) : visit(inner)
      ])
    )
  }
  return visit(value) as T
}

/** The names of the components that a value references, directly or through other components. */
export const findReachable = (value: unknown, schemas: Record<string, Schema>): ReadonlySet<string> => {
  const found = new Set<string>()
  const visit = (name: string) => {
    if (!found.has(name)) {
      found.add(name)
      mapRefs(schemas[name], visit)
    }
    return name
  }
  mapRefs(value, visit)
  return found
}

/**
 * Maps the generated names to public ones. `FooEncoded` is the JSON form, so readers know it as `Foo`. `Foo_1` becomes `Foo` if both are
 * identical. A name that another schema already has is kept.
 */
export const publicNames = (schemas: Record<string, Schema>): ((name: string) => string) => {
  const sameAs = (name: string, other: string) => JSON.stringify(schemas[name]) === JSON.stringify(schemas[other])
  const names = new Map(
    Object.keys(schemas).map((name) => {
      const plain = name.replace(/(Encoded)?(_\d+)?$/, "")
      const isFree = plain === name || !(plain in schemas) || sameAs(name, plain)
      return [name, isFree ? plain : name]
    })
  )
  return (name) => names.get(name) ?? name
}

/** Rewrites references of a standalone JSON Schema (`#/$defs/…`) to references within the document. */
export const definitionsToComponents = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', `"${prefix}`)) as T
