/**
 * Reads the body of a response as it arrives, so that one that is too large is never held in memory. Nothing is read from the connection
 * while nobody asks for the next part.
 */
import type { Reservation } from "../../platform/ByteBudget.ts"
import { gunzip } from "../../platform/gunzip.ts"
import { OutOfMemory, ResponseTooLarge, ThingsBoardError } from "../errors/ThingsBoardError.ts"
import type { HttpResponse } from "./http1/Exchange.ts"
import { malformed } from "./http1/ExchangeFailure.ts"

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
  /** Closes the connection, and ends waiting for memory. */
  readonly controller: AbortController
  /** Where the memory is reserved; undefined outside requests of clients: logins are few, and exports read in parts of limited size. */
  readonly reservation: () => Reservation | undefined
}

/** A response is in memory twice: as it was received, and as it is passed on. */
const copies = 2

/** Smaller responses are not counted: there are many of them, and requests in flight are limited anyway. */
export const maxUncountedBytes = 64 * 1024

const maxErrorBytes = 64 * 1024

const isCompressed = ({ fields }: HttpResponse) => fields.get("content-encoding") !== undefined

/** The next part of the body as it was before compression; undefined at the end. */
const readerOf = ({ body, fields }: HttpResponse): (() => Promise<Buffer | undefined>) => {
  const coding = fields.get("content-encoding")?.toLowerCase()
  if (coding === undefined || coding === "identity") return () => body.read()
  // Nothing else was offered.
  if (coding !== "gzip" && coding !== "x-gzip") throw malformed("unknown content-encoding")
  const next = gunzip(() => body.read())
  return async () => {
    try {
      return await next()
    } catch (error) {
      throw error instanceof Error && "code" in error ? malformed("invalid gzip") : error
    }
  }
}

const join = (parts: ReadonlyArray<Buffer>): Buffer<ArrayBuffer> =>
  (parts.length === 1 ? parts[0]! : Buffer.concat(parts)) as Buffer<ArrayBuffer>

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

const readParts = async (response: HttpResponse, counter: Counter, { controller, maxBytes }: ReadOptions) => {
  const read = readerOf(response)
  const parts: Array<Buffer> = []
  let size = 0
  for (;;) {
    const part = await read()
    if (part === undefined) return join(parts)
    size += part.length
    if (size > maxBytes) return new ThingsBoardError({ reason: new ResponseTooLarge({ maxBytes }) })
    parts.push(part)
    const problem = await counter.count(size)
    if (problem !== undefined) return problem
    if (counter.meter(part.length)) continue
    controller.abort()
    return join(parts)
  }
}

const readCounted = async (response: HttpResponse, counter: Counter, options: ReadOptions) => {
  const { maxBytes, meter } = options
  const size = isCompressed(response) ? undefined : response.length
  if (size === undefined || meter?.fits(size) === false) return await readParts(response, counter, options)
  if (size > maxBytes) return new ThingsBoardError({ reason: new ResponseTooLarge({ maxBytes }) })
  counter.meter(size)
  return (await counter.count(size)) ?? ((await response.body.readAll()) as Buffer<ArrayBuffer>)
}

/** A small body that has arrived already. The ordinary case: nothing has to be counted, and nothing has to be waited for. */
export const takeSmall = (response: HttpResponse): Buffer<ArrayBuffer> | undefined =>
  response.length !== undefined && response.length <= maxUncountedBytes && !isCompressed(response)
    ? (response.body.takeWhole() as Buffer<ArrayBuffer> | undefined)
    : undefined

/**
 * The body of a 2xx response, up to where the meter ended it; an error if it is too large or there is no memory for it. Fails with an
 * `ExchangeFailure`.
 */
export const readResponse = async (response: HttpResponse, options: ReadOptions): Promise<Buffer<ArrayBuffer> | ThingsBoardError> => {
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
export const readText = async (response: HttpResponse, controller: AbortController): Promise<string> => {
  const read = readerOf(response)
  const parts: Array<Buffer> = []
  for (let size = 0; size < maxErrorBytes;) {
    const part = await read()
    if (part === undefined) return join(parts).toString()
    parts.push(part)
    size += part.length
  }
  controller.abort()
  return join(parts).toString()
}
