import { Effect, Pull, type Scope, Stream } from "effect"
import type { RowBatch } from "./Rows.ts"

/** Rows of one series that have not been consumed yet. */
export interface RemainingRows extends RowBatch {
  /** The first row that has not been consumed. */
  readonly from: number
}

/**
 * Reads rows from a stream in portions of any size. The next batch is pulled, and the columns of the current one are overwritten, only
 * when all rows of the current batch have been consumed.
 */
export class RowSource<E, R> {
  private batches: ReadonlyArray<RowBatch> = []
  private index = 0
  private from = 0
  private ended = false

  private constructor(private readonly pull: Pull.Pull<ReadonlyArray<RowBatch>, E, void, R>) {}

  /** The stream is closed with the scope. */
  static readonly make = <E, R>(stream: Stream.Stream<RowBatch, E, R>): Effect.Effect<RowSource<E, R>, never, R | Scope.Scope> =>
    Effect.map(Stream.toPull(stream), (pull) => new RowSource<E, R>(pull))

  /** The rows that come next; undefined at the end of the stream. */
  readonly peek: Effect.Effect<RemainingRows | undefined, E, R> = Effect.suspend(() => {
    const rows = this.current()
    if (rows !== undefined || this.ended) return Effect.succeed(rows)
    return Effect.flatMap(
      Pull.catchDone(this.pull, () => Effect.undefined),
      (batches) => {
        if (batches === undefined) {
          this.ended = true
          return Effect.undefined
        }
        this.batches = batches
        this.index = 0
        this.from = batches[0]?.series.from ?? 0
        return this.peek
      }
    )
  })

  /** Marks rows of the current batch as consumed. */
  consume(count: number) {
    this.from += count
  }

  private current(): RemainingRows | undefined {
    for (let batch = this.batches[this.index]; batch !== undefined; batch = this.batches[++this.index]) {
      if (this.from < batch.series.to) return { ...batch, from: this.from }
      this.from = this.batches[this.index + 1]?.series.from ?? 0
    }
    return undefined
  }
}
