/** Conditions on the values of an entity, as entity data queries carry them; all must hold. */
import { arrayOf, objectOf, textOf } from "./bodies.ts"
import { JsonNumber, JsonObject } from "./Json.ts"

const textOperations: Record<string, (value: string, wanted: string) => boolean> = {
  EQUAL: (value, wanted) => value === wanted,
  NOT_EQUAL: (value, wanted) => value !== wanted,
  STARTS_WITH: (value, wanted) => value.startsWith(wanted),
  ENDS_WITH: (value, wanted) => value.endsWith(wanted),
  CONTAINS: (value, wanted) => value.includes(wanted),
  NOT_CONTAINS: (value, wanted) => !value.includes(wanted),
  IN: (value, wanted) => wanted.split(",").includes(value),
  NOT_IN: (value, wanted) => !wanted.split(",").includes(value)
}

const numberOperations: Record<string, (value: number, wanted: number) => boolean> = {
  EQUAL: (value, wanted) => value === wanted,
  NOT_EQUAL: (value, wanted) => value !== wanted,
  GREATER: (value, wanted) => value > wanted,
  LESS: (value, wanted) => value < wanted,
  GREATER_OR_EQUAL: (value, wanted) => value >= wanted,
  LESS_OR_EQUAL: (value, wanted) => value <= wanted
}

const holds = (value: string, predicate: JsonObject): boolean => {
  if (textOf(predicate, "type") === "COMPLEX") {
    const parts = (arrayOf(predicate, "predicates") ?? []).filter((part) => part instanceof JsonObject)
    return textOf(predicate, "operation") === "OR" ? parts.some((part) => holds(value, part)) : parts.every((part) => holds(value, part))
  }
  const operation = textOf(predicate, "operation") ?? ""
  const wanted = objectOf(predicate, "value")?.get("defaultValue")
  const text = wanted instanceof JsonNumber ? wanted.text : String(wanted ?? "")
  if (textOf(predicate, "type") === "NUMERIC") {
    return value !== "" && (numberOperations[operation]?.(Number(value), Number(text)) ?? false)
  }
  const ignoreCase = predicate.get("ignoreCase") === true
  return textOperations[operation]?.(ignoreCase ? value.toLowerCase() : value, ignoreCase ? text.toLowerCase() : text) ?? false
}

/** `read` gives the text of a key. */
export const passesKeyFilters = (
  filters: ReadonlyArray<JsonObject>,
  read: (key: { readonly type: string; readonly key: string }) => string
): boolean =>
  filters.every((filter) => {
    const key = objectOf(filter, "key")
    const predicate = objectOf(filter, "predicate")
    return predicate === undefined || holds(read({ type: textOf(key, "type") ?? "", key: textOf(key, "key") ?? "" }), predicate)
  })
