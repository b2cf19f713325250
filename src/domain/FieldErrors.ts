import { andMore } from "./andMore.ts"
import type { FieldError } from "./Errors.ts"

/** Field names come from the caller. Longer ones are truncated to this many characters. */
export const maxFieldLength = 128

/** Thrown when reading further would only find more errors. What was found so far is in the `FieldErrors`. */
export class ReadingStopped extends Error {
  override readonly name = "ReadingStopped"
}

interface Options {
  /** Whether the error that exceeds `max` ends the reading, as it should for a body that may have a million. */
  readonly stopsReading?: boolean
}

/** Collects field errors, so that a response can list all of them. Keeps the first `max` and counts the rest. */
export class FieldErrors {
  private readonly list: Array<FieldError> = []
  private omitted = 0
  /** One sentence about all errors, if there is a better one than that the request is not valid. */
  summary: string | undefined
  private isStopped = false
  private readonly max: number
  private readonly stopsReading: boolean
  constructor(max = 100, { stopsReading = false }: Options = {}) {
    this.max = max
    this.stopsReading = stopsReading
  }
  add(field: string, issue: string) {
    if (this.list.length < this.max) this.list.push({ field: field.slice(0, maxFieldLength), issue })
    else if (this.stopsReading) this.stop()
    else this.omitted++
  }
  /** Adds an error after which a large body is not read any further; a small one is. */
  addFinal(field: string, issue: string) {
    this.add(field, issue)
    if (this.stopsReading) this.stop()
  }
  private stop(): never {
    this.isStopped = true
    throw new ReadingStopped()
  }
  get isEmpty() {
    return this.list.length === 0
  }
  /** The errors in the order they were added; a last entry, on the field `body`, has the number of omitted errors. */
  get all(): ReadonlyArray<FieldError> {
    const rest = this.isStopped ? ["and possibly more errors: the rest of the body was not read"] : andMore(this.omitted, "error")
    return [...this.list, ...rest.map((issue) => ({ field: "body", issue }))]
  }
}
