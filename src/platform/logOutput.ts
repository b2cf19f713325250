/**
 * Writes log lines to standard output without waiting for its reader. `console.log` waits when a pipe is full: a log shipper that stops
 * reading would stop the whole process, with its health checks and its signals.
 */
import { Effect } from "effect"

/** Where lines go. `flush` returns a promise if not everything has been taken yet. */
export interface LogSink {
  readonly write: (text: string) => unknown
  readonly flush: () => unknown
}

/** Bytes of lines that wait for the reader. A burst of errors fits, and the memory is hardly noticed. */
export const maxWaitingBytes = 1024 * 1024

export interface LogOutput {
  readonly write: (line: string) => void
  /** Waits until everything has been taken, or cannot be. */
  readonly drain: Effect.Effect<void>
}

export interface LogOutputOptions {
  /** Makes the line that says how many lines are missing at that place. */
  readonly describeDropped: (lines: number) => string
  /** Called for each line that is dropped. */
  readonly onDrop?: () => void
  readonly maxBytes?: number
}

export const makeLogOutput = (sink: LogSink, { describeDropped, maxBytes = maxWaitingBytes, onDrop }: LogOutputOptions): LogOutput => {
  let waiting: Array<string> = []
  let waitingBytes = 0
  let writing: Promise<void> | undefined
  let unreported = 0
  let isClosed = false

  /** The lines that wait, and the one that says how many are missing after them; empty if there are none. */
  const takeWaiting = () => {
    const missing = unreported === 0 ? "" : `${describeDropped(unreported)}\n`
    const text = waiting.join("") + missing
    waiting = []
    unreported = 0
    return text
  }

  const pump = async () => {
    try {
      for (let text = takeWaiting(); text !== ""; text = takeWaiting()) {
        waitingBytes = Buffer.byteLength(text)
        await sink.write(text)
        await sink.flush()
        waitingBytes -= Buffer.byteLength(text)
      }
    } catch {
      isClosed = true // nobody will read it again (EPIPE), and there is nowhere to say so
      waiting = []
    } finally {
      writing = undefined
    }
  }

  return {
    write: (line) => {
      const text = `${line}\n`
      const bytes = Buffer.byteLength(text)
      // A line after dropped ones must not come before the line that counts them.
      if (isClosed || unreported > 0 || waitingBytes + bytes > maxBytes) {
        unreported++
        onDrop?.()
      } else {
        waiting.push(text)
        waitingBytes += bytes
      }
      if (!isClosed) writing ??= pump()
    },
    drain: Effect.suspend(() => (writing === undefined ? Effect.void : Effect.promise(() => writing!)))
  }
}

/** Standard output of this process, which does not keep it running. */
export const standardOutput = (): LogSink => {
  const sink = Bun.stdout.writer()
  sink.unref()
  return sink
}
