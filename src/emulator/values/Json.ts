/**
 * JSON as ThingsBoard's two parsers read it; numbers keep their text.
 * Gson, which reads telemetry and (from 4.2) attributes, is lenient: it accepts bare words, single quotes, comments, `=` and `;`.
 * Jackson, which reads all other bodies, is strict.
 */
import { encodeLikeJava } from "./postgres.ts"
import { printDouble } from "./printDouble.ts"

export type Json = null | boolean | string | JsonNumber | ReadonlyArray<Json> | JsonObject

export class JsonNumber {
  constructor(readonly text: string) {}
}

/** Fields in the order in which they first appear; the last value of a duplicate field wins. */
export class JsonObject {
  constructor(readonly fields: ReadonlyMap<string, Json>) {}
  get(readName: string): Json | undefined {
    return this.fields.get(readName)
  }
}

/** `message` is the Java parser's message, without the exception's name. */
export class JsonError extends Error {
  constructor(
    message: string,
    readonly isAtEnd: boolean
  ) {
    super(message)
  }
}

const printString = (text: string) => JSON.stringify(encodeLikeJava(text))

export const printTree = (json: Json, printNumber: (text: string) => string = (text) => text): string => {
  if (typeof json === "string") return printString(json)
  if (json === null || typeof json === "boolean") return JSON.stringify(json)
  if (json instanceof JsonNumber) return printNumber(json.text)
  if (json instanceof JsonObject)
    return `{${[...json.fields].map(([name, value]) => `${printString(name)}:${printTree(value, printNumber)}`).join(",")}}`
  return `[${json.map((element) => printTree(element, printNumber)).join(",")}]`
}

/** A number as Jackson prints it after reading it: digits beyond a double are lost, and what overflows becomes text. */
const printJacksonNumber = (text: string): string => {
  if (!/[.eE]/.test(text)) return String(BigInt(text))
  const value = Number(text)
  return Number.isFinite(value) ? printDouble(value) : `"${printDouble(value)}"`
}

/** Prints like Jackson, which keeps no numbers as text (recorded in `edges.json`). */
export const printJacksonTree = (json: Json): string => printTree(json, printJacksonNumber)

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const bareWord = /[^\s/\\;#=[\]{},:"']+/y
const simpleString = /"([ !#-[\]-\uffff]*)"/y // without escape sequences
const whitespace = /[ \t\r\n]*/y
const lenientWhitespace = /(?:[ \t\r\n]|\/\*[\s\S]*?\*\/|\/\/[^\n]*|#[^\n]*)*/y
const escapes: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", "\n": "\n" }

/** Jackson's default limit. Without a limit, deep nesting would overflow the stack. */
const maxDepth = 1000

class Reader {
  position = 0
  private depth = 0
  private readonly path: Array<string> = []
  constructor(
    private readonly text: string,
    private readonly lenient: boolean
  ) {}

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position
    const found = pattern.exec(this.text)
    if (found !== null) this.position = pattern.lastIndex
    return found
  }

  skipWhitespace() {
    this.match(this.lenient ? lenientWhitespace : whitespace)
  }

  get nextChar(): string | undefined {
    return this.text[this.position]
  }

  unexpectedEnd(): JsonError {
    if (!this.lenient) return new JsonError("Unexpected end-of-input", true)
    const before = this.text.slice(0, this.position)
    const line = before.split("\n").length
    const column = this.position - before.lastIndexOf("\n")
    return new JsonError(
      `End of input at line ${line} column ${column} path $${this.path.map((readName) => `.${readName}`).join("")}`,
      true
    )
  }

  unexpected(expected: string): JsonError {
    const found = this.nextChar
    return found === undefined
      ? this.unexpectedEnd()
      : new JsonError(`Unexpected character ('${found}' (code ${found.codePointAt(0)})): was expecting ${expected}`, false)
  }

  readString(): string {
    const simple = this.match(simpleString)
    if (simple !== null) return simple[1]!
    const quote = this.nextChar
    this.position++
    let value = ""
    for (;;) {
      const character = this.nextChar
      if (character === undefined) throw this.unexpectedEnd()
      this.position++
      if (character === quote) return value
      if (character !== "\\") {
        if (!this.lenient && character < " ")
          throw new JsonError(`Illegal unquoted character ((CTRL-CHAR, code ${character.charCodeAt(0)}))`, false)
        value += character
        continue
      }
      const escape = this.nextChar
      if (escape === undefined) throw this.unexpectedEnd()
      this.position++
      if (escape !== "u") {
        if (!this.lenient && !'"\\/bfnrt'.includes(escape)) throw new JsonError("Unrecognized character escape", false)
        value += escapes[escape] ?? escape
        continue
      }
      const code = this.text.slice(this.position, this.position + 4)
      if (!/^[0-9a-fA-F]{4}$/.test(code)) throw new JsonError(`\\u${code}`, false)
      this.position += 4
      value += String.fromCharCode(Number.parseInt(code, 16))
    }
  }

  readName(): string {
    if (this.nextChar === '"' || (this.lenient && this.nextChar === "'")) return this.readString()
    const word = this.lenient ? this.match(bareWord) : null
    if (word === null) throw this.unexpected("double-quote to start field name")
    return word[0]
  }

  readObject(): JsonObject {
    const fields = new Map<string, Json>()
    this.position++
    this.skipWhitespace()
    if (this.nextChar === "}") {
      this.position++
      return new JsonObject(fields)
    }
    for (;;) {
      const readName = this.readName()
      this.path.push(readName)
      this.skipWhitespace()
      const colon = this.nextChar
      if (colon !== ":" && !(this.lenient && colon === "=")) throw this.unexpected("a colon to separate field name and value")
      this.position++
      if (colon === "=" && this.nextChar === ">") this.position++
      fields.set(readName, this.value())
      this.path.pop()
      this.skipWhitespace()
      const after = this.nextChar
      if (after !== "}" && after !== "," && !(this.lenient && after === ";")) throw this.unexpected("comma to separate Object entries")
      this.position++
      if (after === "}") return new JsonObject(fields)
      this.skipWhitespace()
    }
  }

  readArray(): ReadonlyArray<Json> {
    const elements: Array<Json> = []
    this.position++
    this.skipWhitespace()
    if (this.nextChar === "]") {
      this.position++
      return elements
    }
    for (;;) {
      this.skipWhitespace()
      // Gson reads a missing element as null.
      elements.push(this.lenient && (this.nextChar === "," || this.nextChar === "]") ? null : this.value())
      this.skipWhitespace()
      const after = this.nextChar
      if (after !== "]" && after !== "," && !(this.lenient && after === ";")) throw this.unexpected("comma to separate Array entries")
      this.position++
      if (after === "]") return elements
    }
  }

  readNested(first: "{" | "["): Json {
    if (++this.depth > maxDepth)
      throw new JsonError(`Document nesting depth (${this.depth}) exceeds the maximum allowed (${maxDepth})`, false)
    const json = first === "{" ? this.readObject() : this.readArray()
    this.depth--
    return json
  }

  value(): Json {
    this.skipWhitespace()
    const first = this.nextChar
    if (first === undefined) throw this.unexpectedEnd()
    if (first === "{" || first === "[") return this.readNested(first)
    if (first === '"' || (this.lenient && first === "'")) return this.readString()
    const from = this.position
    const found = this.match(number)
    if (found !== null && !(this.lenient && /[^\s/\\;#=[\]{},:]/.test(this.nextChar ?? " "))) return new JsonNumber(found[0])
    this.position = from
    const word = this.match(bareWord)?.[0]
    if (word !== undefined) {
      const normalized = this.lenient ? word.toLowerCase() : word
      if (normalized === "true" || normalized === "false") return normalized === "true"
      if (normalized === "null") return null
      if (this.lenient) return word
      this.position = from
    }
    throw this.unexpected("a valid value")
  }
}

const parse = (text: string, lenient: boolean): Json => {
  const reader = new Reader(text, lenient)
  const value = reader.value()
  reader.skipWhitespace()
  if (reader.nextChar !== undefined) throw new JsonError("Document was not fully consumed", false)
  return value
}

/** Throws a `JsonError`. Empty text is null. */
export const parseGson = (text: string): Json => (text.trim() === "" ? null : parse(text, true))

/** Throws a `JsonError`. */
export const parseJackson = (text: string): Json => {
  if (text.trim() === "") throw new JsonError("No content to map due to end-of-input", true)
  return parse(text, false)
}
