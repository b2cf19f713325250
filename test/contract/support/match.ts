/** Compares what a running ThingsBoard answered with what the emulator does; placeholders stand for what differs from run to run. */
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
  /** The order of arrays does not count: relations, keys and attributes come in the database's own order. */
  readonly sets?: boolean
}

const placeholder = /\{\{([\w:+]+)\}\}/g

const anything: Record<string, RegExp> = {
  "any:ms": /^\d{1,14}$/,
  "any:int": /^-?\d+$/,
  "any:uuid": /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "any:jwt": /^[\w-]+\.[\w-]+\.[\w-]+$/,
  "any:apiKey": /^tb_[\w-]{40,}$/
}

/** Replaces `{{name}}` by what was captured; leaves names that are not known, and `{{any:…}}`, as they are. */
export const fillText = (text: string, variables: Variables): string =>
  text.replace(placeholder, (whole, name: string) => variables.get(name) ?? whole)

/** For a request: also `{{now+3000}}`, which becomes a number when it is all of a text. `now` in ms. */
export const fill = (json: Exact, variables: Variables, now: number): Exact => {
  if (typeof json === "string") {
    const later = /^\{\{now\+(\d+)\}\}$/.exec(json)
    return later === null ? fillText(json, variables) : new ExactNumber(String(now + Number(later[1])))
  }
  if (json === null || typeof json !== "object" || json instanceof ExactNumber) return json
  if (Array.isArray(json)) return json.map((element) => fill(element, variables, now))
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, fill(value, variables, now)]))
}

const shorten = (text: string) => (text.length > 400 ? `${text.slice(0, 400)}…` : text)

const differ = (path: string, expected: Exact | undefined, got: Exact | undefined): ReadonlyArray<Difference> => [
  {
    path: path === "" ? "/" : path,
    expected: shorten(expected === undefined ? "nothing" : printExact(expected)),
    got: shorten(got === undefined ? "nothing" : printExact(got))
  }
]

/** A text that is one placeholder and nothing else. */
const soleName = (text: string) => /^\{\{([\w:+]+)\}\}$/.exec(text)?.[1]

const matchText = (path: string, expected: string, got: Exact, variables: Variables): ReadonlyArray<Difference> => {
  const name = soleName(expected)
  const pattern = name === undefined ? undefined : anything[name]
  if (pattern !== undefined) {
    const found = got instanceof ExactNumber ? got.text : typeof got === "string" ? got : ""
    const isNumeric = name === "any:ms" || name === "any:int"
    return pattern.test(found) && isNumeric === got instanceof ExactNumber ? [] : differ(path, expected, got)
  }
  // A name that is captured by this very step.
  if (name !== undefined && !variables.has(name)) return typeof got === "string" ? [] : differ(path, expected, got)
  return got === fillText(expected, variables) ? [] : differ(path, fillText(expected, variables), got)
}

const matchSet = (
  path: string,
  expected: ReadonlyArray<Exact>,
  got: ReadonlyArray<Exact>,
  variables: Variables,
  options: MatchOptions
): ReadonlyArray<Difference> => {
  const left = [...got]
  const missing = expected.filter((element) => {
    const at = left.findIndex((candidate) => match(path, element, candidate, variables, options).length === 0)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return [
    ...missing.flatMap((element) => differ(`${path}/*`, element, undefined)),
    ...left.flatMap((element) => differ(`${path}/*`, undefined, element))
  ]
}

const match = (path: string, expected: Exact, got: Exact, variables: Variables, options: MatchOptions): ReadonlyArray<Difference> => {
  if (typeof expected === "string") return matchText(path, expected, got, variables)
  if (expected instanceof ExactNumber) {
    return got instanceof ExactNumber && got.text === expected.text ? [] : differ(path, expected, got)
  }
  if (expected === null || typeof expected !== "object") return expected === got ? [] : differ(path, expected, got)
  if (got === null || typeof got !== "object" || got instanceof ExactNumber) return differ(path, expected, got)
  if (Array.isArray(expected) || Array.isArray(got)) {
    if (!Array.isArray(expected) || !Array.isArray(got)) return differ(path, expected, got)
    if (options.sets === true) return matchSet(path, expected, got, variables, options)
    if (expected.length !== got.length) return differ(path, expected, got)
    return expected.flatMap((element, index) => match(`${path}/${index}`, element, got[index]!, variables, options))
  }
  const wanted = expected as { readonly [name: string]: Exact }
  const given = got as { readonly [name: string]: Exact }
  return [...new Set([...Object.keys(wanted), ...Object.keys(given)])].flatMap((name) => {
    const at = `${path}/${name}`
    const one = wanted[name]
    const other = given[name]
    return one === undefined || other === undefined ? differ(at, one, other) : match(at, one, other, variables, options)
  })
}

/** No differences when they match. Members of objects may come in any order. */
export const matchJson = (expected: Exact, got: Exact, variables: Variables, options: MatchOptions = {}): ReadonlyArray<Difference> =>
  match("", expected, got, variables, options)

/** What stands at a JSON pointer, when it is text. */
export const capture = (json: Exact, pointer: string): string | undefined => {
  let found: Exact | undefined = json
  for (const name of pointer.split("/").slice(1)) {
    if (found === undefined || found === null || typeof found !== "object" || found instanceof ExactNumber) return undefined
    found = (found as { readonly [name: string]: Exact })[name]
  }
  return typeof found === "string" ? found : undefined
}
