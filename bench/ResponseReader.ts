/**
 * Reads HTTP/1.1 responses from a socket and keeps almost nothing of them, so that the reader itself does not affect the figures. It reads one
 * response at a time: send no request before the previous response is complete.
 */
type State = "head" | "length" | "size" | "chunk" | "chunkEnd" | "trailer" | "done"

const headEnd = Buffer.from("\r\n\r\n")

export class ResponseReader {
  status = 0
  bodyBytes = 0
  firstByte = -1
  lastByte = -1
  /** True when the server will close the connection after this response. */
  closes = false
  private state: State = "head"
  private remaining = 0
  private pending = Buffer.alloc(0)
  private line = ""
  private readonly onBody: ((bytes: Uint8Array) => void) | undefined

  constructor(onBody?: (bytes: Uint8Array) => void) {
    this.onBody = onBody
  }

  /** True when the response is complete; call `reset` before the next one. */
  push(data: Buffer): boolean {
    let at = 0
    if (this.state === "head") {
      at = this.readHead(data)
      data = this.pending.length > 0 ? this.pending : data
      if (at === -1) return false
      this.pending = Buffer.alloc(0)
    }
    while (at < data.length && this.state !== "done") {
      at = this.state === "length" || this.state === "chunk" ? this.readBody(data, at) : this.readFraming(data, at)
    }
    return this.state === "done"
  }

  reset() {
    this.state = "head"
    this.bodyBytes = this.status = 0
    this.firstByte = this.lastByte = -1
  }

  /** The offset of the body, or -1 while the head is incomplete. */
  private readHead(data: Buffer): number {
    if (this.pending.length > 0) data = this.pending = Buffer.concat([this.pending, data])
    const end = data.indexOf(headEnd)
    if (end === -1) {
      this.pending = Buffer.from(data)
      return -1
    }
    const text = data.toString("latin1", 0, end).toLowerCase()
    this.status = Number(text.slice(9, 12))
    this.closes = text.includes("\r\nconnection: close")
    const length = text.indexOf("\r\ncontent-length:")
    if (length !== -1) {
      this.remaining = Number.parseInt(text.slice(length + 17))
      this.state = this.remaining === 0 ? "done" : "length"
    } else this.state = text.includes("\r\ntransfer-encoding: chunked") ? "size" : "done"
    return end + headEnd.length
  }

  private readBody(data: Buffer, at: number): number {
    const size = Math.min(this.remaining, data.length - at)
    if (this.firstByte === -1) this.firstByte = data[at]!
    this.lastByte = data[at + size - 1]!
    this.bodyBytes += size
    this.remaining -= size
    if (this.onBody !== undefined) this.onBody(data.subarray(at, at + size))
    if (this.remaining === 0) this.state = this.state === "length" ? "done" : "chunkEnd"
    return at + size
  }

  /** Reads a line of the chunked framing: the size of the next chunk, the end of a chunk, or the end of the body. */
  private readFraming(data: Buffer, at: number): number {
    const end = data.indexOf(10, at)
    this.line += data.toString("latin1", at, end === -1 ? data.length : end)
    if (end === -1) return data.length
    const line = this.line.trimEnd()
    this.line = ""
    if (this.state === "size") {
      this.remaining = Number.parseInt(line, 16)
      this.state = this.remaining === 0 ? "trailer" : "chunk"
    } else if (this.state === "chunkEnd") this.state = "size"
    else if (line === "") this.state = "done"
    return end + 1
  }
}
