/** Finds marks in bytes, in every encoding that a text may have. */
import { inflateRawSync } from "node:zlib"

/**
 * - `secret`: allowed nowhere
 * - `upstream`: texts of ThingsBoard; allowed in its own responses only
 * - `private`: ThingsBoard's address and Boardwalk's user there; the operator may read them, callers may not
 */
export type Kind = "secret" | "upstream" | "private"

export interface Mark {
  readonly name: string
  readonly text: string
  readonly kind: Kind
}

interface Needle {
  readonly mark: Mark
  readonly encoding: string
  readonly bytes: Buffer
}

/** Base64 of the text at each of the three alignments, without the characters that depend on neighboring bytes. */
const base64Variants = (text: string) => {
  const bytes = Buffer.from(text)
  return [0, 1, 2].map((offset) => {
    const start = (3 - offset) % 3
    return bytes.subarray(start, start + Math.floor((bytes.length - start) / 3) * 3).toString("base64")
  })
}

const hex = (text: string) => Buffer.from(text).toString("hex")

const escapeBytes = (text: string, prefix: string) => hex(text).replaceAll(/../g, (pair) => `${prefix}${pair}`)

const encodingsOf = (text: string): Record<string, ReadonlyArray<string>> => ({
  "as plain text": [text],
  "in upper case": [text.toUpperCase()],
  reversed: [[...text].toReversed().join("")],
  "in base64": base64Variants(text),
  "in base64url": base64Variants(text).map((encoded) => encoded.replaceAll("+", "-").replaceAll("/", "_")),
  "in hexadecimal": [hex(text), hex(text).toUpperCase()],
  "percent-encoded": [escapeBytes(text, "%"), escapeBytes(text, "%").toUpperCase()],
  "escaped as in JSON": [escapeBytes(text, "\\u00"), escapeBytes(text, "\\x")],
  "in UTF-16": [Buffer.from(text, "utf16le").toString("latin1")]
})

export const needlesOf = (mark: Mark): ReadonlyArray<Needle> => {
  const seen = new Set<string>()
  const encodings = mark.kind === "secret" ? Object.entries(encodingsOf(mark.text)) : ([["as plain text", [mark.text]]] as const)
  return encodings.flatMap(([encoding, texts]) =>
    texts
      .filter((text) => !seen.has(text) && seen.add(text))
      .map((text) => ({ mark, encoding, bytes: Buffer.from(text, encoding === "in UTF-16" ? "latin1" : "utf8") }))
  )
}

/** The length of the longest needle minus one: the bytes of one chunk that the scan of the next must include. */
export const overlapOf = (needles: ReadonlyArray<Needle>) => Math.max(1, ...needles.map(({ bytes }) => bytes.length)) - 1

export const find = (needles: ReadonlyArray<Needle>, bytes: Buffer): ReadonlyArray<Needle> =>
  needles.filter((needle) => bytes.length >= needle.bytes.length && bytes.indexOf(needle.bytes) >= 0)

const centralHeader = 0x02014b50
const centralHeaderBytes = Buffer.from([0x50, 0x4b, 0x01, 0x02])

/** The decompressed files of a zip archive (such as an XLSX file), found by its central directory. */
export const unzip = (bytes: Buffer): ReadonlyArray<Buffer> => {
  if (bytes.length < 4 || bytes.readUInt32LE(0) !== 0x04034b50) return []
  const files: Array<Buffer> = []
  for (let at = bytes.indexOf(centralHeaderBytes); at >= 0 && at + 46 <= bytes.length; at = bytes.indexOf(centralHeaderBytes, at + 46)) {
    if (bytes.readUInt32LE(at) !== centralHeader) continue
    const [method, size, local] = [bytes.readUInt16LE(at + 10), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)]
    if (local + 30 > bytes.length || method !== 8) continue
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28)
    try {
      files.push(inflateRawSync(bytes.subarray(start, start + size)))
    } catch {
      // These bytes only look like an entry.
    }
  }
  return files
}
