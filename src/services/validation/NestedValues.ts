/**
 * Looks at the text and the numbers inside an object or array, of which ThingsBoard changes some without saying so: it stores the JSON as
 * text, but parses it for every read (recorded in `edges.json`).
 */
import { textAt } from "../../json/JsonScanner.ts"
import { nestedNumber } from "../../thingsboard/StoredNumber.ts"

const [quote, backslash, zero, nine] = [34, 92, 48, 57]
/** true, false and null begin with a letter. */
const letters = 0x61

/** Without an escape like this, text has no lone surrogate: there is no way to write one in UTF-8. */
const surrogateEscape = /\\u[dD][89a-fA-F]/

/** A decimal, a number with an exponent, or one that is very long. */
const unusualNumber = /\d[.eE]|\d{1000}/

const scalars = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

const numberIssues = {
  overflows: "Expected numbers that a double can hold, also inside an object or array",
  "too long": "Expected numbers of at most 1000 characters inside an object or array"
}

const hasByte = (bytes: Uint8Array, from: number, end: number, byte: number) => {
  for (let i = from; i < end; i++) if (bytes[i] === byte) return true
  return false
}

const isShortInteger = (bytes: Uint8Array, from: number, end: number) => {
  if (end - from > 16) return false
  for (let i = from + 1; i < end; i++) if (bytes[i]! < zero || bytes[i]! > nine) return false
  return true
}

export class NestedValues {
  issue: string | undefined
  /** Whether a decimal has more digits than a double. */
  rounded = false

  /** Looks at everything inside a valid token. */
  inspectAll(token: string): void {
    if (!surrogateEscape.test(token) && !unusualNumber.test(token)) return
    for (const [scalar] of token.matchAll(scalars)) {
      if (scalar.startsWith('"')) this.inspectText(scalar)
      else this.inspectNumber(scalar)
    }
  }

  /** Looks at a single name or value, in bytes. Nearly all of them are plain, so only the others become text. */
  inspect(bytes: Uint8Array, from: number, end: number): void {
    const first = bytes[from]!
    if (first === quote) {
      if (hasByte(bytes, from, end, backslash)) this.inspectText(textAt(bytes, from, end))
    } else if (first < letters && !isShortInteger(bytes, from, end)) this.inspectNumber(textAt(bytes, from, end))
  }

  private inspectText(token: string): void {
    if (!surrogateEscape.test(token) || (JSON.parse(token) as string).isWellFormed()) return
    this.issue ??= "Expected text without lone surrogates, also inside an object or array"
  }

  private inspectNumber(token: string): void {
    const stored = nestedNumber(token)
    if (stored === "rounded") this.rounded = true
    else if (stored !== "exact") this.issue ??= numberIssues[stored]
  }
}
