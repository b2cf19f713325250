/** Finds marks in bytes, in each form in which a text can be written. */
import { inflateRawSync } from "node:zlib"

/**
 * - `secret`: may be nowhere
 * - `upstream`: what ThingsBoard itself wrote; in its own answers only
 * - `private`: where and as whom Boardwalk calls ThingsBoard; its operator may read that, callers may not
 */
export type Kind = "secret" | "upstream" | "private"

export interface Mark {
  readonly name: string
  readonly text: string
  readonly kind: Kind
}

interface Needle {
  readonly mark: Mark
  readonly form: string
  readonly bytes: Buffer
}

/** Base64 of the text wherever it begins in what was encoded: the characters that depend on its neighbours are left out. */
const base64Forms = (text: string) => {
  const bytes = Buffer.from(text)
  return [0, 1, 2].map((offset) => {
    const start = (3 - offset) % 3
    return bytes.subarray(start, start + Math.floor((bytes.length - start) / 3) * 3).toString("base64")
  })
}

const hex = (text: string) => Buffer.from(text).toString("hex")

const escaped = (text: string, before: string) => hex(text).replaceAll(/../g, (pair) => `${before}${pair}`)

const formsOf = (text: string): Record<string, ReadonlyArray<string>> => ({
  "as it is": [text],
  "in capitals": [text.toUpperCase()],
  reversed: [[...text].toReversed().join("")],
  "in base64": base64Forms(text),
  "in base64 for addresses": base64Forms(text).map((form) => form.replaceAll("+", "-").replaceAll("/", "_")),
  "in hexadecimal": [hex(text), hex(text).toUpperCase()],
  "percent-encoded": [escaped(text, "%"), escaped(text, "%").toUpperCase()],
  "escaped as in JSON": [escaped(text, "\\u00"), escaped(text, "\\x")],
  "in UTF-16": [Buffer.from(text, "utf16le").toString("latin1")]
})

export const needlesOf = (mark: Mark): ReadonlyArray<Needle> => {
  const seen = new Set<string>()
  const forms = mark.kind === "secret" ? Object.entries(formsOf(mark.text)) : ([["as it is", [mark.text]]] as const)
  return forms.flatMap(([form, texts]) =>
    texts
      .filter((text) => !seen.has(text) && seen.add(text))
      .map((text) => ({ mark, form, bytes: Buffer.from(text, form === "in UTF-16" ? "latin1" : "utf8") }))
  )
}

/** The longest needle, less one: what a scan of one chunk has to keep for the next. */
export const reachOf = (needles: ReadonlyArray<Needle>) => Math.max(1, ...needles.map(({ bytes }) => bytes.length)) - 1

export const find = (needles: ReadonlyArray<Needle>, bytes: Buffer): ReadonlyArray<Needle> =>
  needles.filter((needle) => bytes.length >= needle.bytes.length && bytes.indexOf(needle.bytes) >= 0)

const entryHead = 0x02014b50
const entryHeadBytes = Buffer.from([0x50, 0x4b, 0x01, 0x02])

/** The files inside a zip archive, and so of a sheet, by its directory at the end. */
export const unzipped = (bytes: Buffer): ReadonlyArray<Buffer> => {
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== 0x04034b50) return []
  const files: Array<Buffer> = []
  for (let at = bytes.indexOf(entryHeadBytes); at >= 0 && at + 46 <= bytes.length; at = bytes.indexOf(entryHeadBytes, at + 46)) {
    if (bytes.readUInt32LE(at) !== entryHead) continue
    const [method, size, local] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)]
    if (local + 30 > bytes.length || method !== 8) continue
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
    try {
      files.push(inflateRawSync(bytes.subarray(start, start + size)))
    } catch {
      // Bytes that only look like an entry.
    }
  }
  return files
}
