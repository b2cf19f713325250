import { malformed } from "./ExchangeFailure.ts"

const [carriageReturn, lineFeed] = [0x0d, 0x0a]
const empty: Buffer = Buffer.alloc(0)

/**
 * Gathers bytes up to a delimiter that ends with CRLF, however the network has cut them. The work is linear in the number of bytes, even if
 * they arrive one by one.
 */
export class LineBuffer {
  private kept = empty
  private size = 0

  constructor(
    private readonly delimiter: Buffer,
    private readonly maxBytes: number,
    private readonly tooLong: string
  ) {}

  clear() {
    this.size = 0
    this.kept = empty
  }

  get isEmpty() {
    return this.size === 0
  }

  /**
   * The text before the delimiter as Latin-1, and the position in `bytes` after it. Undefined if the delimiter is still missing; all bytes
   * from `at` are kept then.
   */
  take(bytes: Buffer, at: number): { readonly text: string; readonly next: number } | undefined {
    const { delimiter, maxBytes, size } = this
    if (size === 0) {
      const found = bytes.indexOf(delimiter, at)
      if (found !== -1) {
        if (found - at > maxBytes) throw malformed(this.tooLong)
        return { text: bytes.toString("latin1", at, found), next: found + delimiter.length }
      }
    }
    const from = size
    this.append(bytes, at)
    const found = this.kept.subarray(0, this.size).indexOf(delimiter, Math.max(0, from - delimiter.length + 1))
    if ((found === -1 ? this.size - delimiter.length + 1 : found) > maxBytes) throw malformed(this.tooLong)
    if (found === -1) {
      this.requireCrlf(from)
      return undefined
    }
    const text = this.kept.toString("latin1", 0, found)
    this.clear()
    return { text, next: at + found + delimiter.length - from }
  }

  /** Keeps no more than decides whether the text is too long. */
  private append(bytes: Buffer, at: number) {
    const wanted = Math.min(bytes.length - at, this.maxBytes + this.delimiter.length - this.size)
    if (this.size + wanted > this.kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(256, 2 * (this.size + wanted)))
      this.kept.copy(larger, 0, 0, this.size)
      this.kept = larger
    }
    this.size += bytes.copy(this.kept, this.size, at, at + wanted)
  }

  /** A server that ends lines in another way would never send the delimiter, and the call would wait until its deadline. */
  private requireCrlf(from: number) {
    for (let at = this.kept.indexOf(lineFeed, from); at !== -1 && at < this.size; at = this.kept.indexOf(lineFeed, at + 1))
      if (at === 0 || this.kept[at - 1] !== carriageReturn) throw malformed("line feed without carriage return")
  }
}
