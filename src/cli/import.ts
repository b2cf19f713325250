import { Console, Effect, FileSystem, Option, Schema, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { HttpBody, HttpClientRequest } from "effect/http"
import { ImportResult } from "../api/groups/TelemetryWrites.ts"
import { andMore } from "../domain/andMore.ts"
import { formats } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { escapeControls } from "../observability/escapeControls.ts"
import { choice, usageError } from "./flags.ts"
import { fileFlags, fileParameters, mediaTypeWith } from "./fileFlags.ts"
import { withProgress } from "./progress.ts"
import { explainStop } from "./stopped.ts"
import { connect, remoteFlags, RemoteError } from "./remote.ts"

const decode = Schema.decodeUnknownEffect(ImportResult)
const newline = 10

const formatOfFile = (file: string) =>
  /\.(csv|tsv|txt)$/i.test(file) ? ("csv" as const) : /\.(jsonl|ndjson)$/i.test(file) ? ("jsonl" as const) : undefined

/** The bytes of a file, and how many there are; 0 for standard input. */
const openFile = Effect.fnUntraced(function* (file: string) {
  if (file === "-") return { size: 0, stream: (yield* Stdio.Stdio).stdin }
  const files = yield* FileSystem.FileSystem
  const info = yield* Effect.mapError(files.stat(file), ({ reason }) => {
    const why = reason._tag === "NotFound" ? "does not exist" : reason._tag === "PermissionDenied" ? "may not be read" : "cannot be read"
    return new RemoteError({ message: escapeControls(`The file ${file} ${why}.`) })
  })
  if (info.type === "Directory") return yield* new RemoteError({ message: escapeControls(`${file} is a folder.`) })
  return { size: Number(info.size), stream: files.stream(file) }
})
/** The rejected rows that are printed; the gateway lists a thousand. */
const maxShown = 20

const describe = ({ batch_id, message, points_stored }: typeof ImportResult.Type) => {
  if (batch_id !== undefined) return `${escapeControls(message)}. The batch is ${batch_id}.`
  const counts = Object.values(points_stored)
  return `${escapeControls(message)}; ${counts.reduce((sum, points) => sum + points, 0)} points of ${counts.length} devices.`
}

export const importCommand = Command.make(
  "import",
  {
    ...remoteFlags,
    file: Argument.String("file").pipe(
      Argument.withDescription("CSV (.csv, .tsv, .txt) or NDJSON (.jsonl, .ndjson); - reads standard input")
    ),
    format: choice(
      "format",
      ["csv", "jsonl"],
      "Format of the file; by default that of its extension. Required for standard input and other extensions."
    ),
    device: Flag.String("device").pipe(
      Flag.withSchema(DeviceId),
      Flag.withDescription("Device of all rows; without it, each row needs a device_id or device_name"),
      Flag.optional
    ),
    numericText: Flag.Literals("numeric-text", ["refuse", "convert"]).pipe(
      Flag.withDescription("What to do with text that ThingsBoard would convert to a number: reject it, or let it be converted"),
      Flag.withDefault("refuse" as const)
    ),
    ...fileFlags,
    queue: Flag.Boolean("queue").pipe(
      Flag.withDescription("Finish when the rows are on the gateway's disk (SPOOL_DIR), and let it store them in ThingsBoard later"),
      Flag.withDefault(false)
    ),
    dryRun: Flag.Boolean("dry-run").pipe(Flag.withDescription("Validate only; store nothing"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function* ({ device, dryRun, file, format: requested, numericText, queue, ...flags }) {
    const format = Option.getOrUndefined(requested) ?? formatOfFile(file)
    if (format === undefined) return yield* usageError(["import"], "Name the format of the file: --format csv or --format jsonl.")
    const remote = yield* connect(flags)
    const { size, stream } = yield* openFile(file)
    const path = Option.match(device, { onNone: () => "telemetry/import", onSome: (id) => `devices/${id}/telemetry/import` })
    const report = yield* withProgress((progress) => {
      const body = Stream.map(stream, (chunk) => {
        for (const byte of chunk) if (byte === newline) progress.rows++
        progress.bytes += chunk.length
        if (size > 0) progress.share = progress.bytes / size
        return chunk
      })
      const parameters = new URLSearchParams([["numeric_text", numericText], ["dry_run", String(dryRun)], ...fileParameters(flags)])
      const url = remote.url(`${path}?${parameters.toString()}`)
      const contentType = mediaTypeWith(formats[format].mediaType, flags.charset)
      const request = HttpClientRequest.post(url, queue ? { headers: { prefer: "respond-async" } } : {})
      return remote.send(HttpClientRequest.setBody(request, HttpBody.stream(body, contentType))).pipe(
        Effect.flatMap((response) => response.json),
        Effect.flatMap(decode),
        Effect.mapError((error) =>
          error._tag === "RemoteError" ? error : new RemoteError({ message: "The gateway's response is not valid." })
        ),
        explainStop(
          () => `sending ${progress.rows} rows, which may be stored`,
          "Nothing is stored twice by running the same command again:"
        )
      )
    })
    yield* Console.log(describe(report))
    for (const warning of report.warnings ?? []) yield* Console.log(escapeControls(warning))
    for (const { line, reason } of report.refused.slice(0, maxShown)) yield* Console.log(`  line ${line}: ${escapeControls(reason)}`)
    for (const rest of andMore(report.rows_refused - maxShown, "row")) yield* Console.log(`  ${rest}`)
    if (report.resume_line !== undefined)
      return yield* new RemoteError({
        message: `ThingsBoard failed: the rows from line ${report.resume_line} on may not be stored. Run the same command again with --from-line ${report.resume_line}, or without it: nothing is stored twice.`
      })
    if (report.rows_refused > 0) return yield* new RemoteError({ message: `${report.rows_refused} rows were rejected.` })
  })
).pipe(
  Command.withShortDescription("Import a file"),
  Command.withDescription(
    "Stores the rows of a CSV or NDJSON file of any size, through the API, with a progress bar, and lists the rejected rows. Exit code 1 if there are any, or if ThingsBoard failed. Importing a file again stores nothing twice."
  ),
  Command.withExamples([
    {
      command: "boardwalk import january.csv --device 784f394c-42b6-435a-983c-b7beff2784f9 --queue",
      description: "Hand the file over, whether or not ThingsBoard is there"
    },
    {
      command: "boardwalk import january.csv --device 784f394c-42b6-435a-983c-b7beff2784f9 --dry-run",
      description: "Check whether all rows would be accepted"
    },
    {
      command:
        'boardwalk import logger.csv --device 784f394c-42b6-435a-983c-b7beff2784f9 --time-column Zeit --time-format "dd.MM.yyyy HH:mm" --timezone Europe/Berlin --decimal comma --charset windows-1252',
      description: "Import what a German logger writes"
    }
  ])
)
