/** Compares recorded ThingsBoard responses with the emulator's. Placeholders stand for values that differ from run to run. */
import { type Exact, ExactNumber, printExact } from "./Exact.ts"

/** Values captured so far, by name. */
export type Variables = Map<string, string>

export interface Difference {
  /** A JSON pointer, or "status", "header content-type", "text". */
  readonly path: string
  readonly expected: string
  readonly got: string
}

export interface MatchOptions {
  /** Ignores the order of arrays: relations, keys and attributes are returned in the order of the database. */
  readonly sets?: boolean
}

const placeholder = /\{\{([\w:+]+)\}\}/g

const patterns: Record<string, RegExp> = {
  "any:ms": /^\d{1,14}$/,
  "any:int": /^-?\d+$/,
  "any:uuid": /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "any:jwt": /^[\w-]+\.[\w-]+\.[\w-]+$/,
  "any:apiKey": /^tb_[\w-]{40,}$/
}

/** Replaces `{{name}}` with the captured value. Unknown names and `{{any:…}}` are left unchanged. */
export const fillText = (text: string, variables: Variables): string =>
  text.replace(placeholder, (whole, name: string) => variables.get(name) ?? whole)

/** Fills a request. In addition to variables, a text `{{now+3000}}` becomes the number `now` + 3000, in ms. */
export const fill = (json: Exact, variables: Variables, now: number): Exact => {
  if (typeof json === "string") {
    const offset = /^\{\{now\+(\d+)\}\}$/.exec(json)
    return offset === null ? fillText(json, variables) : new ExactNumber(String(now + Number(offset[1])))
  }
  if (json === null || typeof json !== "object" || json instanceof ExactNumber) return json
  if (Array.isArray(json)) return json.map((element) => fill(element, variables, now))
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, fill(value, variables, now)]))
}

const shorten = (text: string) => (text.length > 400 ? `${text.slice(0, 400)}…` : text)

const differenceAt = (path: string, expected: Exact | undefined, got: Exact | undefined): ReadonlyArray<Difference> => [
  {
    path: path === "" ? "/" : path,
    expected: shorten(expected === undefined ? "nothing" : printExact(expected)),
    got: shorten(got === undefined ? "nothing" : printExact(got))
  }
]

/** The name in a text that consists of one placeholder only. */
const placeholderName = (text: string) => /^\{\{([\w:+]+)\}\}$/.exec(text)?.[1]

const matchText = (path: string, expected: string, got: Exact, variables: Variables): ReadonlyArray<Difference> => {
  const name = placeholderName(expected)
  const pattern = name === undefined ? undefined : patterns[name]
  if (pattern !== undefined) {
    const gotText = got instanceof ExactNumber ? got.text : typeof got === "string" ? got : ""
    const isNumeric = name === "any:ms" || name === "any:int"
    return pattern.test(gotText) && isNumeric === got instanceof ExactNumber ? [] : differenceAt(path, expected, got)
  }
  // A name that this step captures.
  if (name !== undefined && !variables.has(name)) return typeof got === "string" ? [] : differenceAt(path, expected, got)
  return got === fillText(expected, variables) ? [] : differenceAt(path, fillText(expected, variables), got)
}

const matchSet = (
  path: string,
  expected: ReadonlyArray<Exact>,
  got: ReadonlyArray<Exact>,
  variables: Variables,
  options: MatchOptions
): ReadonlyArray<Difference> => {
  const remaining = [...got]
  const missing = expected.filter((element) => {
    const index = remaining.findIndex((candidate) => match(path, element, candidate, variables, options).length === 0)
    if (index >= 0) remaining.splice(index, 1)
    return index < 0
  })
  return [
    ...missing.flatMap((element) => differenceAt(`${path}/*`, element, undefined)),
    ...remaining.flatMap((element) => differenceAt(`${path}/*`, undefined, element))
  ]
}

const match = (path: string, expected: Exact, got: Exact, variables: Variables, options: MatchOptions): ReadonlyArray<Difference> => {
  if (typeof expected === "string") return matchText(path, expected, got, variables)
  if (expected instanceof ExactNumber) {
    return got instanceof ExactNumber && got.text === expected.text ? [] : differenceAt(path, expected, got)
  }
  if (expected === null || typeof expected !== "object") return expected === got ? [] : differenceAt(path, expected, got)
  if (got === null || typeof got !== "object" || got instanceof ExactNumber) return differenceAt(path, expected, got)
  if (Array.isArray(expected) || Array.isArray(got)) {
    if (!Array.isArray(expected) || !Array.isArray(got)) return differenceAt(path, expected, got)
    if (options.sets === true) return matchSet(path, expected, got, variables, options)
    if (expected.length !== got.length) return differenceAt(path, expected, got)
    return expected.flatMap((element, index) => match(`${path}/${index}`, element, got[index]!, variables, options))
  }
  const expectedFields = expected as { readonly [name: string]: Exact }
  const gotFields = got as { readonly [name: string]: Exact }
  return [...new Set([...Object.keys(expectedFields), ...Object.keys(gotFields)])].flatMap((name) => {
    const at = `${path}/${name}`
    const expectedValue = expectedFields[name]
    const gotValue = gotFields[name]
    return expectedValue === undefined || gotValue === undefined
      ? differenceAt(at, expectedValue, gotValue)
      : match(at, expectedValue, gotValue, variables, options)
  })
}

/** Returns the differences; an empty list means a match. The order of fields is ignored. */
export const matchJson = (expected: Exact, got: Exact, variables: Variables, options: MatchOptions = {}): ReadonlyArray<Difference> =>
  match("", expected, got, variables, options)

/** The text at a JSON pointer; undefined if the value is missing or not text. */
export const capture = (json: Exact, pointer: string): string | undefined => {
  let found: Exact | undefined = json
  for (const name of pointer.split("/").slice(1)) {
    if (found === undefined || found === null || typeof found !== "object" || found instanceof ExactNumber) return undefined
    found = (found as { readonly [name: string]: Exact })[name]
  }
  return typeof found === "string" ? found : undefined
}
