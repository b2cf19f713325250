/** Python and others write NaN into JSON, which has no such value. */

/** A text that is not closed ends with the line: to try again at each escaped quote in it would take minutes. */
const parts = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\]]|\bNaN\b/gs

/**
 * The text with null in place of NaN where a row can leave out a value: in its own fields, and in those of ThingsBoard's `values`. NaN
 * anywhere else stays, and makes the JSON invalid: null inside an object or array would be stored.
 */
export const nanAsNull = (text: string): string => {
  if (!text.includes("NaN")) return text
  let depth = 0
  let name = ""
  let isInValues = false
  return text.replaceAll(parts, (part) => {
    if (part === "NaN") return depth === 1 || (depth === 2 && isInValues) ? "null" : part
    if (part === "{" || part === "[") {
      depth++
      if (depth === 2) isInValues = part === "{" && name === '"values"'
    } else if (part === "}" || part === "]") depth--
    else if (depth === 1) name = part
    return part
  })
}
