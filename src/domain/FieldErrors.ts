import { andMore } from "./andMore.ts"
import type { FieldError } from "./Errors.ts"

/** Field names come from the caller. Longer ones are truncated to this many characters. */
export const maxFieldLength = 128

/** Collects field errors, so that a response can list all of them. Keeps the first `max` and counts the rest. */
export class FieldErrors {
  private readonly list: Array<FieldError> = []
  private omitted = 0
  private readonly max: number
  constructor(max = 100) {
    this.max = max
  }
  add(field: string, issue: string) {
    if (this.list.length < this.max) this.list.push({ field: field.slice(0, maxFieldLength), issue })
    else this.omitted++
  }
  get isEmpty() {
    return this.list.length === 0
  }
  /** The errors in the order they were added; a last entry, on the field `body`, has the number of omitted errors. */
  get all(): ReadonlyArray<FieldError> {
    return [...this.list, ...andMore(this.omitted, "error").map((issue) => ({ field: "body", issue }))]
  }
}
