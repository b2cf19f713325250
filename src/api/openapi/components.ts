/** Names: which component a schema is, and which ones the document needs. */
import type { Schema } from "./model.ts"

const prefix = "#/components/schemas/"

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value)

/** Changes the target of every reference in a value. */
export const mapRefs = <T>(value: T, change: (name: string) => string): T => {
  const visit = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(visit)
    if (!isRecord(part)) return part
    return Object.fromEntries(
      Object.entries(part).map(([key, inner]) => [
        key,
        key === "$ref" && typeof inner === "string" && inner.startsWith(prefix) ? prefix + change(inner.slice(prefix.length)) : visit(inner)
      ])
    )
  }
  return visit(value) as T
}

/** The components that a value refers to, also by way of other components. */
export const findReachable = (value: unknown, schemas: Record<string, Schema>): ReadonlySet<string> => {
  const found = new Set<string>()
  const note = (name: string) => {
    if (!found.has(name)) {
      found.add(name)
      mapRefs(schemas[name], note)
    }
    return name
  }
  mapRefs(value, note)
  return found
}

/** `FooEncoded` is what travels, so it is `Foo` to the reader; `Foo_1` that equals `Foo` is `Foo`. */
export const publicNames = (schemas: Record<string, Schema>): ((name: string) => string) => {
  const sameAs = (name: string, other: string) => JSON.stringify(schemas[name]) === JSON.stringify(schemas[other])
  const names = new Map(
    Object.keys(schemas).map((name) => {
      const plain = name.replace(/(Encoded)?(_\d+)?$/, "")
      const free = plain === name || !(plain in schemas) || sameAs(name, plain)
      return [name, free ? plain : name]
    })
  )
  return (name) => names.get(name) ?? name
}

/** The definitions of a schema of its own, as parts of a document. */
export const definitionsToComponents = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', `"${prefix}`)) as T
