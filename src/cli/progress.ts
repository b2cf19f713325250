/** Progress of a long operation, shown on standard error: as a bar on a terminal, otherwise as JSON lines. */
import { Clock, Console, Effect } from "effect"
import { isTerminal } from "../platform/Runtime.ts"

export interface Progress {
  rows: number
  bytes: number
  /** The completed fraction, from 0 to 1. */
  share: number
}

const barWidth = 24

const formatSeconds = (seconds: number) =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`

const formatCount = (count: number) =>
  count < 10_000 ? String(count) : count < 10_000_000 ? `${(count / 1000).toFixed(0)} k` : `${(count / 1_000_000).toFixed(1)} M`

/** `[######----]  42 %  1234 k rows  310 k rows/s  8 s left` */
export const formatBar = ({ rows, share }: Progress, seconds: number): string => {
  const done = Math.round(share * barWidth)
  const rate = seconds > 0 ? rows / seconds : 0
  const remaining = share > 0.01 && share < 1 ? `  ${formatSeconds((seconds / share) * (1 - share))} left` : ""
  return `[${"#".repeat(done)}${"-".repeat(barWidth - done)}] ${String(Math.floor(share * 100)).padStart(3)} %  ${formatCount(rows)} rows  ${formatCount(Math.round(rate))} rows/s${remaining}`
}

export const formatJsonLine = (event: "progress" | "done", { bytes, rows, share }: Progress, seconds: number): string =>
  JSON.stringify({ event, rows, bytes, share: Math.round(share * 1000) / 1000, seconds: Math.round(seconds * 10) / 10 })

/** Runs the work, which updates the progress, and shows the progress four times per second on a terminal, otherwise once per second. */
export const withProgress = Effect.fnUntraced(function* <A, E, R>(work: (progress: Progress) => Effect.Effect<A, E, R>) {
  const progress: Progress = { rows: 0, bytes: 0, share: 0 }
  const terminal = yield* isTerminal
  const start = yield* Clock.currentTimeMillis
  const elapsed = Effect.map(Clock.currentTimeMillis, (now) => (now - start) / 1000)
  const show = Effect.flatMap(elapsed, (seconds) =>
    terminal
      ? Effect.sync(() => process.stderr.write(`\r\u001b[K${formatBar(progress, seconds)}`))
      : Console.error(formatJsonLine("progress", progress, seconds))
  )
  const showRepeatedly = show.pipe(Effect.delay(terminal ? "250 millis" : "1 second"), Effect.forever)
  const result = yield* Effect.raceFirst(work(progress), showRepeatedly).pipe(
    Effect.ensuring(terminal ? Effect.sync(() => process.stderr.write("\r\u001b[K")) : Effect.void)
  )
  progress.share = 1
  yield* Console.error(terminal ? formatBar(progress, yield* elapsed) : formatJsonLine("done", progress, yield* elapsed))
  return result
})
