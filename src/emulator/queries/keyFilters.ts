/** The key filters of entity data queries: conditions on fields, attributes and latest values. All must match. */
import { arrayOf, objectOf, textOf } from "../http/bodies.ts"
import { JsonNumber, JsonObject } from "../values/Json.ts"

const textOperations: Record<string, (value: string, expected: string) => boolean> = {
  EQUAL: (value, expected) => value === expected,
  NOT_EQUAL: (value, expected) => value !== expected,
  STARTS_WITH: (value, expected) => value.startsWith(expected),
  ENDS_WITH: (value, expected) => value.endsWith(expected),
  CONTAINS: (value, expected) => value.includes(expected),
  NOT_CONTAINS: (value, expected) => !value.includes(expected),
  IN: (value, expected) => expected.split(",").includes(value),
  NOT_IN: (value, expected) => !expected.split(",").includes(value)
}

const numberOperations: Record<string, (value: number, expected: number) => boolean> = {
  EQUAL: (value, expected) => value === expected,
  NOT_EQUAL: (value, expected) => value !== expected,
  GREATER: (value, expected) => value > expected,
  LESS: (value, expected) => value < expected,
  GREATER_OR_EQUAL: (value, expected) => value >= expected,
  LESS_OR_EQUAL: (value, expected) => value <= expected
}

const matchesPredicate = (value: string, predicate: JsonObject): boolean => {
  if (textOf(predicate, "type") === "COMPLEX") {
    const parts = (arrayOf(predicate, "predicates") ?? []).filter((part) => part instanceof JsonObject)
    return textOf(predicate, "operation") === "OR"
      ? parts.some((part) => matchesPredicate(value, part))
      : parts.every((part) => matchesPredicate(value, part))
  }
  const operation = textOf(predicate, "operation") ?? ""
  const expected = objectOf(predicate, "value")?.get("defaultValue")
  const text = expected instanceof JsonNumber ? expected.text : String(expected ?? "")
  if (textOf(predicate, "type") === "NUMERIC") {
    return value !== "" && (numberOperations[operation]?.(Number(value), Number(text)) ?? false)
  }
  const ignoreCase = predicate.get("ignoreCase") === true
  return textOperations[operation]?.(ignoreCase ? value.toLowerCase() : value, ignoreCase ? text.toLowerCase() : text) ?? false
}

/** `read` returns the value of a key as text. */
export const matchesKeyFilters = (
  filters: ReadonlyArray<JsonObject>,
  read: (key: { readonly type: string; readonly key: string }) => string
): boolean =>
  filters.every((filter) => {
    const key = objectOf(filter, "key")
    const predicate = objectOf(filter, "predicate")
    return predicate === undefined || matchesPredicate(read({ type: textOf(key, "type") ?? "", key: textOf(key, "key") ?? "" }), predicate)
  })
