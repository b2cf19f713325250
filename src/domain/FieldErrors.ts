import { andMore } from "./andMore.ts"
import type { FieldError } from "./Errors.ts"

/** The caller chooses the names: a long one is truncated where an error mentions it. */
export const maxFieldLength = 128

/** Collects field errors up to a limit, and counts the rest. */
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
  get all(): ReadonlyArray<FieldError> {
    return [...this.list, ...andMore(this.omitted, "error").map((issue) => ({ field: "body", issue }))]
  }
}
