/**
 * Guesses where the pages of a key end, from how close the points of the last page are, so that the page after the next can be requested before the next one
 * has arrived. A guess decides only how a range is divided into calls: whatever a page does not contain is requested before the next page is used.
 */
import type { PageRequest } from "./HistoryWalk.ts"

/** How many more points are requested than expected, so that an uneven series does not need a call for the last few. */
const headroom = 1.25

/** A page with a smaller part of the expected points says that the series has a gap: its distances predict nothing. */
const minPart = 1 / 4

/** Ms. A call that takes less is not worth another one beside it. */
const minFetchMillis = 5

/** Points per page: pages of fewer have such large values that one of them is enough at a time. */
const minLimit = 500

export class ReadAhead {
  private millisPerPoint: number | undefined
  /** Points that the last guess expected in each page. */
  private expected = 0
  private fetchMillis = 0
  private writeMillis = 0

  /** Whether calls take longer than what is done with their points: then two at the same time are faster. */
  get isWorthwhile(): boolean {
    return this.fetchMillis >= minFetchMillis && this.fetchMillis > this.writeMillis
  }

  recordFetch(millis: number) {
    this.fetchMillis = millis
  }

  recordWrite(millis: number) {
    this.writeMillis = millis
  }

  /** The times of the points of one key in a page, and whether the page was cut by such a guess. */
  observe(times: ArrayLike<number>, from: number, to: number, wasGuessed: boolean) {
    const count = to - from
    const isGap = wasGuessed && count < minPart * this.expected
    this.millisPerPoint = count < 2 || isGap ? undefined : (times[to - 1]! - times[from]!) / (count - 1)
  }

  /** The request with an end of its own, if one can be guessed that is before that of the range. */
  bound(request: PageRequest): PageRequest {
    if (this.millisPerPoint === undefined || request.limit < minLimit) return request
    const end = request.start + Math.ceil(request.limit * this.millisPerPoint)
    if (end >= request.end) return request
    this.expected = request.limit
    return { ...request, end, limit: Math.ceil(request.limit * headroom) }
  }
}
