import { DateTime, Effect, Stdio } from "effect"
import { CliOutput, Command } from "effect/cli"
import type { KeyEntry, KeyIdentity } from "../../domain/ApiKey.ts"
import { escapeControls } from "../../observability/escapeControls.ts"
import { json } from "../flags.ts"
import { fileFlag, orOutputError, readKeys } from "./keyFile.ts"
import { formatExpiry, toJson, printResult, keyState, summarizeKey } from "./output.ts"

const userOf = (identity: KeyIdentity) => ("username" in identity ? identity.username : "an API key")

const cellsOf = (key: KeyEntry, now: DateTime.DateTime) =>
  [
    key.id,
    keyState(key, now),
    key.name,
    key.scopes.join(" "),
    key.expires_at === undefined ? "" : `until ${formatExpiry(key)}`,
    key.rate_limit === undefined ? "" : `${key.rate_limit.requests} requests in ${key.rate_limit.window_seconds} s`,
    key.devices === undefined ? "" : JSON.stringify(key.devices),
    key.thingsboard === undefined ? "" : `as ${userOf(key.thingsboard)}`
  ].map(escapeControls)

type Rows = ReadonlyArray<ReadonlyArray<string>>

export const plain = (rows: Rows) => rows.map((cells) => cells.filter((cell) => cell !== "").join("  "))

/** One under the other; a column that no row has takes no place. */
export const aligned = (rows: Rows) => {
  const columns = (rows[0] ?? []).map((_, column) => column)
  const widths = columns.map((column) => Math.max(...rows.map((cells) => CliOutput.displayWidth(cells[column]!))))
  const padded = (cell: string, column: number) => cell + " ".repeat(widths[column]! - CliOutput.displayWidth(cell))
  const taken = columns.filter((column) => widths[column]! > 0)
  return rows.map((cells) =>
    taken
      .map((column) => padded(cells[column]!, column))
      .join("  ")
      .trimEnd()
  )
}

const rowOf = (key: KeyEntry, now: DateTime.DateTime) => ({
  ...summarizeKey(key, now),
  scopes: key.scopes,
  devices: key.devices ?? null,
  thingsboard: key.thingsboard ?? null,
  rate_limit: key.rate_limit ?? null
})

export const list = Command.make(
  "list",
  { file: fileFlag, json },
  Effect.fnUntraced(function* ({ file, json }) {
    const keys = yield* readKeys(file)
    const now = yield* DateTime.now
    if (json) return yield* orOutputError(printResult(toJson(keys.map((key) => rowOf(key, now)))))
    const onTerminal = yield* Effect.flatMap(Stdio.Stdio, ({ stdoutIsTerminal }) => stdoutIsTerminal)
    const rows = keys.map((key) => cellsOf(key, now))
    if (rows.length > 0) yield* orOutputError(printResult((onTerminal ? aligned(rows) : plain(rows)).join("\n")))
  })
).pipe(
  Command.withShortDescription("List the keys of the file"),
  Command.withDescription(
    "Lists the keys of the file: id, whether it is active, expired or disabled, name, rights, end, limit, devices and ThingsBoard user. The keys themselves cannot be had from it."
  ),
  Command.withExamples([
    { command: "boardwalk keys list", description: "A line for each key" },
    {
      command: `boardwalk keys list --json | jq -r '.[] | select(.state != "active").id'`,
      description: "The ids of those that no longer work"
    }
  ])
)
