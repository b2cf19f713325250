/** The part of a body that has arrived and was not read yet. */
import type { ExchangeFailure } from "./ExchangeFailure.ts"

/** Above this, the socket is paused; it continues when everything has been read. */
const maxWaiting = 256 * 1024
/** Smaller parts are copied together: a body of many tiny chunks would take a hundred times its size as separate buffers. */
const smallPart = 1024
const gatheredSize = 16 * 1024

export interface Body {
  /** All of the body, if it has arrived already and nothing was read: most responses come in one piece. */
  readonly takeWhole: () => Buffer | undefined
  /** The next part; undefined at the end. Fails with an `ExchangeFailure`. One call at a time. */
  readonly read: () => Promise<Buffer | undefined>
  /** All that is left. */
  readonly readAll: () => Promise<Buffer>
}

/** Where the body comes from. */
interface Source {
  readonly pauseReading: () => void
  readonly resumeReading: () => void
}

export class BodyQueue implements Body {
  private parts: Array<Buffer> = []
  private size = 0
  /** The last part while more can be copied into it, and how much of it is used. */
  private gathered: { readonly buffer: Buffer; used: number } | undefined
  private outcome: "open" | "ended" | ExchangeFailure = "open"
  private waiting: { readonly resolve: (part: Buffer | undefined) => void; readonly reject: (error: ExchangeFailure) => void } | undefined
  private isPaused = false
  private hasBeenRead = false

  constructor(private readonly source: Source) {}

  push(bytes: Buffer): void {
    this.add(bytes)
    if (this.waiting === undefined) {
      if (this.size > maxWaiting && !this.isPaused) {
        this.isPaused = true
        this.source.pauseReading()
      }
      return
    }
    const { resolve } = this.waiting
    this.waiting = undefined
    resolve(this.shift())
  }

  end(): void {
    if (this.outcome !== "open") return
    this.outcome = "ended"
    this.waiting?.resolve(undefined)
    this.waiting = undefined
  }

  /** What has not been read is dropped: a part of a body is of no use. */
  fail(failure: ExchangeFailure): void {
    if (this.outcome !== "open") return
    this.outcome = failure
    this.parts = []
    this.gathered = undefined
    this.size = 0
    this.waiting?.reject(failure)
    this.waiting = undefined
  }

  takeWhole(): Buffer | undefined {
    if (this.outcome !== "ended" || this.hasBeenRead || this.parts.length > 1) return undefined
    return this.parts.length === 0 ? Buffer.alloc(0) : this.shift()
  }

  read(): Promise<Buffer | undefined> {
    if (this.parts.length > 0) return Promise.resolve(this.shift())
    if (this.outcome === "ended") return Promise.resolve(undefined)
    if (this.outcome !== "open") return Promise.reject(this.outcome)
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
    })
  }

  async readAll(): Promise<Buffer> {
    const all: Array<Buffer> = []
    for (;;) {
      const part = await this.read()
      if (part === undefined) return all.length === 1 ? all[0]! : Buffer.concat(all)
      all.push(part)
    }
  }

  private add(bytes: Buffer) {
    this.size += bytes.length
    const last = this.parts.at(-1)
    if (bytes.length > smallPart || last === undefined || (this.gathered === undefined && last.length > smallPart)) {
      this.gathered = undefined
      this.parts.push(bytes)
      return
    }
    if (this.gathered === undefined) {
      const buffer = Buffer.allocUnsafeSlow(gatheredSize)
      this.gathered = { buffer, used: last.copy(buffer) }
    }
    const { buffer, used } = this.gathered
    const end = used + bytes.copy(buffer, used)
    this.parts[this.parts.length - 1] = buffer.subarray(0, end)
    this.gathered = end + smallPart > gatheredSize ? undefined : { buffer, used: end }
  }

  private shift(): Buffer {
    this.hasBeenRead = true
    const part = this.parts.shift()!
    if (this.parts.length === 0) this.gathered = undefined
    this.size -= part.length
    if (this.isPaused && this.size === 0) {
      this.isPaused = false
      this.source.resumeReading()
    }
    return part
  }
}
