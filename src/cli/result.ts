/** How a command ends: with what it prints, or with the reason why it failed. */
import { Effect, type PlatformError, Runtime, Schema, Stdio, Stream } from "effect"
import { CliOutput } from "effect/cli"

/** A command could not do what it was asked to do. The message says why, and is all that is printed. */
export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { message: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
}

/** The system's message, such as "EACCES: permission denied, open '/etc/keys.json'". */
export const systemMessage = ({ reason }: PlatformError.PlatformError) =>
  reason.cause instanceof Error ? reason.cause.message : reason.message

/** Writes the final output of a command. Unlike the console, it fails if the text cannot be written, for instance to a full disk or a closed pipe. */
export const writeResult = (text: string) =>
  Effect.flatMap(Stdio.Stdio, (stdio) => Stream.run(Stream.make(`${text}\n`), stdio.stdout({ endOnDone: true })))

/** Like `writeResult`, for a command that fails if its output cannot be written. */
export const printResult = (text: string) =>
  Effect.mapError(writeResult(text), (error) => new CommandFailed({ message: `Cannot write to standard output: ${systemMessage(error)}.` }))

type Rows = ReadonlyArray<ReadonlyArray<string>>

export const joinCells = (rows: Rows) => rows.map((cells) => cells.filter((cell) => cell !== "").join("  "))

/** Aligns the columns; empty columns are left out. */
export const alignColumns = (rows: Rows) => {
  const columns = (rows[0] ?? []).map((_, column) => column)
  const widths = columns.map((column) => Math.max(...rows.map((cells) => CliOutput.displayWidth(cells[column]!))))
  const pad = (cell: string, column: number) => cell + " ".repeat(widths[column]! - CliOutput.displayWidth(cell))
  const nonEmpty = columns.filter((column) => widths[column]! > 0)
  return rows.map((cells) =>
    nonEmpty
      .map((column) => pad(cells[column]!, column))
      .join("  ")
      .trimEnd()
  )
}

/** Prints a line per row: with aligned columns on a terminal, and without padding for other programs. Prints nothing if there are no rows. */
export const printRows = (rows: Rows) =>
  Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) =>
    Effect.flatMap(stdoutIsTerminal, (isTerminal) =>
      rows.length === 0 ? Effect.void : printResult((isTerminal ? alignColumns(rows) : joinCells(rows)).join("\n"))
    )
  )
