/**
 * Reads the body of a response as it arrives, so that one that is too large is never held in memory. Bun stops reading from the socket
 * while nobody asks for the next chunk.
 */
import type { Reservation } from "../../platform/ByteBudget.ts"
import { OutOfMemory, ResponseTooLarge, ThingsBoardError } from "../errors/ThingsBoardError.ts"

/** Counts the bytes of a response as they arrive. */
export interface ByteMeter {
  /** Returns false to end the reading after these bytes. Negative when a call failed and is sent again. */
  readonly add: (bytes: number) => boolean
  /** Whether a response of this size can be read to its end. */
  readonly fits: (bytes: number) => boolean
}

export interface ReadOptions {
  readonly maxBytes: number
  readonly meter: ByteMeter | undefined
  /** Closes the connection. */
  readonly controller: AbortController
  /** Where the memory is reserved; undefined outside requests of clients: logins are few, and exports read in parts of limited size. */
  readonly reservation: () => Reservation | undefined
}

/** A response is in memory twice: as it was received, and as it is passed on. */
const copies = 2

/** Smaller responses are not counted: there are many of them, and requests in flight are limited anyway. */
export const maxUncountedBytes = 64 * 1024

const maxErrorBytes = 64 * 1024

/** Bytes that the response says it has; undefined without that header, or if the body is compressed and may become any size. */
const declaredSize = ({ headers }: Response): number | undefined => {
  const length = headers.get("content-length")
  return length === null || headers.get("content-encoding") !== null ? undefined : Number(length)
}

const join = (chunks: ReadonlyArray<Uint8Array<ArrayBuffer>>): Buffer<ArrayBuffer> => {
  const [first] = chunks
  return chunks.length === 1 ? Buffer.from(first!.buffer, first!.byteOffset, first!.length) : Buffer.concat(chunks)
}

const readerOf = (response: Response) => (response.body as ReadableStream<Uint8Array<ArrayBuffer>> | null)?.getReader()

/** Counts the bytes of one attempt, and takes them back if it fails. */
class Counter {
  private counted = 0
  private metered = 0

  constructor(private readonly options: ReadOptions) {}

  async count(size: number): Promise<ThingsBoardError | undefined> {
    if (size <= maxUncountedBytes) return undefined
    const reservation = this.options.reservation()
    if (reservation === undefined) return undefined
    const counted = copies * size
    if (counted > reservation.maxBytes)
      return new ThingsBoardError({ reason: new ResponseTooLarge({ maxBytes: Math.floor(reservation.maxBytes / copies) }) })
    const reserved = reservation.reserve(counted - this.counted, this.options.controller.signal)
    if (!(reserved === true || (await reserved))) return new ThingsBoardError({ reason: new OutOfMemory() })
    this.counted = counted
    return undefined
  }

  /** Whether to read on. */
  meter(bytes: number): boolean {
    if (this.options.meter === undefined) return true
    this.metered += bytes
    return this.options.meter.add(bytes)
  }

  undo() {
    if (this.counted > 0) this.options.reservation()?.release(this.counted)
    if (this.metered > 0) this.options.meter?.add(-this.metered)
  }
}

const readChunks = async (response: Response, counter: Counter, { controller, maxBytes }: ReadOptions) => {
  const reader = readerOf(response)
  if (reader === undefined) return Buffer.alloc(0)
  const chunks: Array<Uint8Array<ArrayBuffer>> = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return join(chunks)
    size += value.length
    if (size > maxBytes) return new ThingsBoardError({ reason: new ResponseTooLarge({ maxBytes }) })
    chunks.push(value)
    const problem = await counter.count(size)
    if (problem !== undefined) return problem
    if (counter.meter(value.length)) continue
    controller.abort()
    return join(chunks)
  }
}

const readCounted = async (response: Response, counter: Counter, options: ReadOptions) => {
  const { maxBytes, meter } = options
  const size = declaredSize(response)
  if (size === undefined || meter?.fits(size) === false) return await readChunks(response, counter, options)
  if (size > maxBytes) return new ThingsBoardError({ reason: new ResponseTooLarge({ maxBytes }) })
  counter.meter(size)
  return (await counter.count(size)) ?? Buffer.from(await response.arrayBuffer())
}

/** The body of a 2xx response, up to where the meter ended it; an error if it is too large or there is no memory for it. */
export const readResponse = async (response: Response, options: ReadOptions): Promise<Buffer<ArrayBuffer> | ThingsBoardError> => {
  const size = declaredSize(response)
  if (size !== undefined && size <= maxUncountedBytes && options.meter === undefined) return Buffer.from(await response.arrayBuffer())
  const counter = new Counter(options)
  try {
    const result = await readCounted(response, counter, options)
    if (result instanceof ThingsBoardError) {
      counter.undo()
      options.controller.abort()
    }
    return result
  } catch (error) {
    counter.undo()
    throw error
  }
}

/** The beginning of the body of a failed response, which is enough to classify it. */
export const readText = async (response: Response): Promise<string> => {
  const reader = readerOf(response)
  if (reader === undefined) return ""
  const chunks: Array<Uint8Array<ArrayBuffer>> = []
  for (let size = 0; size < maxErrorBytes;) {
    const { done, value } = await reader.read()
    if (done) return join(chunks).toString()
    chunks.push(value)
    size += value.length
  }
  reader.cancel().catch(() => {})
  return join(chunks).toString()
}
