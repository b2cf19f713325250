import type { FieldError } from "./Errors.ts"

/** Names are the caller's: a long one is cut where a fault names it. */
export const maxFieldLength = 128

/** Collects faults up to a bound, and counts the rest. */
export class FieldErrors {
  private readonly list: Array<FieldError> = []
  private more = 0
  private readonly most: number
  constructor(most = 100) {
    this.most = most
  }
  add(field: string, issue: string) {
    if (this.list.length < this.most) this.list.push({ field: field.slice(0, maxFieldLength), issue })
    else this.more++
  }
  get isEmpty() {
    return this.list.length === 0
  }
  get all(): ReadonlyArray<FieldError> {
    return this.more === 0 ? this.list : [...this.list, { field: "body", issue: `and ${this.more} more faults` }]
  }
}
