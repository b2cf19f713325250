import { Effect, Pull, type Scope, Stream } from "effect"
import type { RowBatch } from "./Rows.ts"

/** Rows of one series that are still to be taken. */
export interface RemainingRows extends RowBatch {
  /** The first row that was not taken yet. */
  readonly from: number
}

/** Takes rows from a stream some at a time: the next piece is pulled, and the columns before it overwritten, only when all of its rows are taken. */
export class RowSource<E, R> {
  private pieces: ReadonlyArray<RowBatch> = []
  private index = 0
  private from = 0
  private ended = false

  private constructor(private readonly pull: Pull.Pull<ReadonlyArray<RowBatch>, E, void, R>) {}

  /** The stream is left when the scope closes. */
  static readonly make = <E, R>(stream: Stream.Stream<RowBatch, E, R>): Effect.Effect<RowSource<E, R>, never, R | Scope.Scope> =>
    Effect.map(Stream.toPull(stream), (pull) => new RowSource<E, R>(pull))

  /** Where the source stands; undefined when there are no more rows. */
  readonly peek: Effect.Effect<RemainingRows | undefined, E, R> = Effect.suspend(() => {
    const piece = this.here()
    if (piece !== undefined || this.ended) return Effect.succeed(piece)
    return Effect.flatMap(
      Pull.catchDone(this.pull, () => Effect.undefined),
      (pieces) => {
        if (pieces === undefined) {
          this.ended = true
          return Effect.undefined
        }
        this.pieces = pieces
        this.index = 0
        this.from = pieces[0]?.series.from ?? 0
        return this.peek
      }
    )
  })

  /** Rows of the piece at hand that are done with. */
  take(count: number) {
    this.from += count
  }

  private here(): RemainingRows | undefined {
    for (let piece = this.pieces[this.index]; piece !== undefined; piece = this.pieces[++this.index]) {
      if (this.from < piece.series.to) return { ...piece, from: this.from }
      this.from = this.pieces[this.index + 1]?.series.from ?? 0
    }
    return undefined
  }
}
