import { malformed } from "./ExchangeFailure.ts"
import { LineBuffer } from "./LineBuffer.ts"
import { parseFields } from "./responseHead.ts"

const crlf = Buffer.from("\r\n")
const maxSizeLine = 1024

/** A size, and extensions, which are ignored (RFC 9112, 7.1). */
const sizeLine = /^([0-9A-Fa-f]{1,12})(?:;[\t\x20-\x7e\x80-\xff]*)?$/

/** The chunked coding. Trailer fields are checked and dropped. */
export class ChunkDecoder {
  private readonly line = new LineBuffer(crlf, maxSizeLine, "chunk size line too long")
  private trailers = ""
  private state: "size" | "data" | "end of data" | "trailers" = "size"
  private remaining = 0

  constructor(
    private readonly maxTrailerBytes: number,
    private readonly onData: (bytes: Buffer) => void
  ) {}

  /** The position after the body, or undefined if more bytes belong to it. */
  push(bytes: Buffer, from: number): number | undefined {
    let at = from
    for (;;) {
      if (this.state === "data") {
        if (at === bytes.length) return undefined
        const end = Math.min(bytes.length, at + this.remaining)
        this.remaining -= end - at
        this.onData(bytes.subarray(at, end))
        at = end
        if (this.remaining > 0) return undefined
        this.state = "end of data"
        continue
      }
      const taken = this.takeLine(bytes, at)
      if (taken === undefined) return undefined
      at = taken.next
      if (this.readLine(taken.text)) return at
    }
  }

  private takeLine(bytes: Buffer, at: number) {
    // Data that is longer than its chunk would otherwise be gathered up to the limit of a line.
    if (this.state === "end of data" && at < bytes.length && bytes[at] !== (this.line.isEmpty ? 0x0d : 0x0a))
      throw malformed("chunk longer than its size")
    return at === bytes.length ? undefined : this.line.take(bytes, at)
  }

  /** Whether the body is complete. */
  private readLine(text: string): boolean {
    switch (this.state) {
      case "end of data":
        if (text !== "") throw malformed("chunk longer than its size")
        this.state = "size"
        return false
      case "trailers":
        if (text === "") {
          parseFields(this.trailers)
          return true
        }
        this.trailers += `\r\n${text}`
        if (this.trailers.length > this.maxTrailerBytes) throw malformed("trailers too long")
        return false
      default: {
        const size = sizeLine.exec(text)
        if (size === null) throw malformed("invalid chunk size")
        this.remaining = Number.parseInt(size[1]!, 16)
        this.state = this.remaining === 0 ? "trailers" : "data"
        return false
      }
    }
  }
}
