/**
 * Keeps spreadsheets from running text as a formula, whatever separator they split a file at. Where the comma is the decimal separator a
 * file is split at semicolons, and a quote inside such a cell means nothing; so a formula can begin not only at the start of a text, but
 * also after each separator in it.
 *
 * An apostrophe is put before each such place, and imports remove it. Apostrophes do not end a place, so both find the same places, and
 * text that had apostrophes before keeps them.
 */

/** `= + - @`, their full-width, small, raised and lowered forms, and the minus sign: some spreadsheets read these as the ASCII characters. */
const signPattern = /[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\uFE66\uFE62\uFE63\uFE6B\u2212\u207A-\u207C\u208A-\u208C]/
/** What spreadsheets may drop before a sign: white space, control and format characters, quotes and apostrophes. */
const droppedPattern = /['"\s\p{Cc}\p{Cf}]/u

const isSign = (c: number) => (c < 128 ? c === 61 || c === 43 || c === 45 || c === 64 : signPattern.test(String.fromCodePoint(c)))
const isDropped = (c: number) =>
  c < 128 ? c <= 32 || c === 34 || c === apostrophe || c === 127 : droppedPattern.test(String.fromCodePoint(c))

const apostrophe = 39
const isTabOrBreak = (c: number) => c === 9 || c === 10 || c === 13
/** Not the comma: whatever splits a file at commas respects the quotes of a field. */
const isSeparator = (c: number) => c === 59 || c === 124 || isTabOrBreak(c)

const separatorPattern = /[;|\t\r\n]/
const startPattern = /^(?:[=+\-@'"\\]|[^!-~])/

/**
 * The positions at which a cell could begin with a formula, in ascending order. A text that begins with a tab or a line break has one
 * whatever follows, as OWASP recommends. The time is linear, even for a million line breaks.
 */
const formulaStarts = (text: string): ReadonlyArray<number> => {
  if (!startPattern.test(text) && !separatorPattern.test(text)) return []
  const starts: Array<number> = []
  // Positions after which there has been nothing but dropped characters.
  let open: Array<number> = [0]
  let isBeginning = true
  for (let i = 0; i < text.length; i++) {
    const c = text.codePointAt(i)!
    if (isBeginning && c !== apostrophe) {
      isBeginning = false
      if (isTabOrBreak(c)) {
        starts.push(0)
        open = []
      }
    }
    if (isSign(c)) {
      for (const at of open) starts.push(at)
      open = []
      continue
    }
    if (c > 0xffff) i++
    if (open.length > 0 && !isDropped(c)) open = []
    if (isSeparator(c)) open.push(i + 1)
  }
  return starts
}

/** Text in which no formula can begin. */
export const guardFormulas = (text: string): string => {
  let guarded = ""
  let from = 0
  for (const at of formulaStarts(text)) {
    guarded += `${text.slice(from, at)}'`
    from = at
  }
  return from === 0 && guarded === "" ? text : guarded + text.slice(from)
}

/** The text that was guarded. */
export const unguardFormulas = (text: string): string => {
  let original = ""
  let from = 0
  for (const at of formulaStarts(text)) {
    if (text.charCodeAt(at) !== apostrophe) continue
    original += text.slice(from, at)
    from = at + 1
  }
  return from === 0 ? text : original + text.slice(from)
}

const escapedSeparators: Readonly<Record<string, string>> = { ";": "\\u003b", "|": "\\u007c" }

/**
 * The same JSON, in which no formula can begin. Separators in strings are escaped. Tabs and line breaks become spaces; they are between
 * tokens, since strings have none.
 */
export const guardJson = (json: string): string => {
  let guarded = ""
  let from = 0
  for (const at of formulaStarts(json)) {
    if (at === 0) continue
    guarded += json.slice(from, at - 1) + (escapedSeparators[json[at - 1]!] ?? " ")
    from = at
  }
  return guarded + json.slice(from)
}

/** The bytes that `guardJson` adds are fewer than this many times its input. */
export const maxJsonGrowth = 4

/** An escape sequence; with a group if it is a separator before a formula. */
const escapePattern = new RegExp(`\\\\(?:u00(3b|7c)(?=${droppedPattern.source}*${signPattern.source})|[^])`, "gu")

/** The JSON that was guarded, except for white space between its tokens. */
export const unguardJson = (json: string): string =>
  /\\u00[37]/.test(json)
    ? json.replaceAll(escapePattern, (escape, code?: string) => (code === undefined ? escape : code === "3b" ? ";" : "|"))
    : json

/** What a byte of the content of a JSON string may be. Looked up for each byte of an export, so it is one table. */
export const byteKinds = new Uint8Array(256)
/** A separator that needs quotes: in JSON, tabs and line breaks are escaped. */
export const needsQuotes = 1
/** A separator after which a formula may begin. In strings the backslash may be an escaped one. */
export const maySeparate = 2
const mayBegin = 4
const dependsOnNext = 8

for (const c of [44, 59, 92, 124]) byteKinds[c]! |= needsQuotes
for (const c of [9, 10, 13, 59, 124]) byteKinds[c]! |= maySeparate
for (let c = 0; c < 128; c++) if (isSign(c) || isDropped(c) || c === 92) byteKinds[c]! |= mayBegin
for (let c = 0xf0; c < 256; c++) byteKinds[c]! |= mayBegin
for (const c of [0xc2, 0xd8, 0xdb, 0xdc, 0xe0, 0xe1, 0xe2, 0xe3, 0xef]) byteKinds[c]! |= dependsOnNext

/** Whether a character of UTF-8 that begins with these two bytes may be a sign or a dropped one. */
const mayBeginWith = (c: number, next: number): boolean => {
  switch (c) {
    case 0xc2:
      return next <= 0xa0 || next === 0xad
    case 0xd8:
      return next <= 0x85 || next === 0x9c
    case 0xdb:
      return next === 0x9d
    case 0xdc:
      return next === 0x8f
    case 0xe0:
      return next === 0xa2 || next === 0xa3
    case 0xe1:
      return next === 0x9a || next === 0xa0
    case 0xe2:
      return next <= 0x82 || next === 0x88
    case 0xe3:
      return next === 0x80
    default:
      return next >= 0xb9
  }
}

/** Whether a formula may begin at this byte. False for nearly all text, which is then copied as bytes. */
export const mayBeginFormula = (bytes: Uint8Array, at: number): boolean => {
  const kind = byteKinds[bytes[at]!]!
  return kind >= mayBegin && ((kind & mayBegin) !== 0 || mayBeginWith(bytes[at]!, bytes[at + 1]!))
}
