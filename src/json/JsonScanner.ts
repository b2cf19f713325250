/** Finds where JSON tokens end. Accepts exactly what JSON.parse accepts, and throws a ScanError otherwise. Positions are byte offsets. */

/** Not an `Error`: of a body with millions of invalid rows, each would have its stack captured. */
export class ScanError {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

export const fail = (at: number): never => {
  throw new ScanError(`unexpected input at byte ${at}`)
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

export const textAt = (bytes: Uint8Array, from: number, to: number): string => decoder.decode(bytes.subarray(from, to))

export const valueAt = (bytes: Uint8Array, from: number, to: number): unknown => {
  try {
    return JSON.parse(textAt(bytes, from, to))
  } catch {
    return fail(from)
  }
}

/** The elements of an array, from the beginning of the first to the end of the last. */
export const valuesAt = (bytes: Uint8Array, from: number, to: number): ReadonlyArray<unknown> => {
  try {
    return JSON.parse(`[${textAt(bytes, from, to)}]`)
  } catch {
    return fail(from)
  }
}

const isDigit = (c: number | undefined) => c !== undefined && c >= 48 && c <= 57
const isHex = (c: number | undefined) => isDigit(c) || (c !== undefined && (c | 32) >= 97 && (c | 32) <= 102)
/** What may follow a backslash, other than `u`: " \ / b f n r t */
const isEscape = (c: number | undefined) => c === 34 || c === 92 || c === 47 || c === 98 || c === 102 || c === 110 || c === 114 || c === 116

export const skipSpace = (b: Uint8Array, i: number): number => {
  for (let c = b[i]; c === 32 || c === 10 || c === 13 || c === 9; c = b[++i]);
  return i
}

/** The position after the character and the white space that follows it. */
export const expect = (b: Uint8Array, i: number, character: number): number => (b[i] === character ? skipSpace(b, i + 1) : fail(i))

export const endOfText = (b: Uint8Array, from: number): number => {
  if (b[from] !== 34) return fail(from)
  for (let i = from + 1; ; i++) {
    const c = b[i]
    if (c === 34) return i + 1
    if (c === undefined || c < 32) return fail(i)
    if (c === 92 && !isEscape(b[++i])) {
      if (b[i] !== 117 || !isHex(b[i + 1]) || !isHex(b[i + 2]) || !isHex(b[i + 3]) || !isHex(b[i + 4])) return fail(i)
      i += 4
    }
  }
}

const endOfDigits = (b: Uint8Array, i: number): number => {
  if (!isDigit(b[i])) return fail(i)
  while (isDigit(b[++i]));
  return i
}

const endOfNumber = (b: Uint8Array, i: number): number => {
  if (b[i] === 45) i++
  i = b[i] === 48 ? i + 1 : endOfDigits(b, i)
  if (b[i] === 46) i = endOfDigits(b, i + 1)
  if (b[i] === 101 || b[i] === 69) i = endOfDigits(b, b[i + 1] === 43 || b[i + 1] === 45 ? i + 2 : i + 1)
  return i
}

const endOfWord = (b: Uint8Array, i: number, word: string): number => {
  for (let k = 0; k < word.length; k++) if (b[i + k] !== word.charCodeAt(k)) return fail(i)
  return i + word.length
}

/** Finds the end of an object or array by counting brackets, and does not check its content. */
const endOfBrackets = (b: Uint8Array, from: number): number => {
  for (let i = from, depth = 0; ; i++) {
    const c = b[i]
    if (c === 34) i = endOfText(b, i) - 1
    else if (c === 123 || c === 91) depth++
    else if (c === undefined) return fail(i)
    else if ((c === 125 || c === 93) && --depth === 0) return i + 1
  }
}

/** Leaves checking the content to JSON.parse. */
const endOfNested = (b: Uint8Array, from: number): number => {
  const end = endOfBrackets(b, from)
  valueAt(b, from, end)
  return end
}

/** Like `endOfValue`, for a value that is going to be parsed: the content of objects and arrays is not checked. */
export const skipUnchecked = (b: Uint8Array, i: number): number => (b[i] === 123 || b[i] === 91 ? endOfBrackets(b, i) : endOfValue(b, i))

export const endOfValue = (b: Uint8Array, i: number): number => {
  switch (b[i]) {
    case 34:
      return endOfText(b, i)
    case 123:
    case 91:
      return endOfNested(b, i)
    case 116:
      return endOfWord(b, i, "true")
    case 102:
      return endOfWord(b, i, "false")
    case 110:
      return endOfWord(b, i, "null")
    default:
      return endOfNumber(b, i)
  }
}
