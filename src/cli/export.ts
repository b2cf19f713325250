import { Console, Effect, FileSystem, Option, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpClientRequest } from "effect/http"
import { type ResumableFormat, resumableFormats } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { escapeControls } from "../observability/escapeControls.ts"
import { type ResumePosition, findResumePosition } from "./resumeExport.ts"
import { type Progress, withProgress } from "./progress.ts"
import { streamBody, connect, type Remote, remoteFlags, RemoteError } from "./remote.ts"

const timeFlag = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${description}: milliseconds since the epoch, or a date such as 2026-01-31 or 2026-01-31T08:00:00+01:00`),
    Flag.filterMap(
      (text) => {
        const ts = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
        return Number.isSafeInteger(ts) && ts >= 0 ? Option.some(ts) : Option.none()
      },
      (text) => `${text} is not a time`
    )
  )

interface ExportRequest {
  readonly device: string
  readonly keys: ReadonlyArray<string>
  readonly start: number
  readonly end: number
  readonly format: ResumableFormat
}

const KeysResponse = Schema.Struct({ data: Schema.Array(Schema.String) })

const fetchKeys = Effect.fnUntraced(function* (remote: Remote, device: string) {
  const response = yield* remote.send(HttpClientRequest.get(remote.url(`devices/${device}/keys`)))
  const { data } = yield* Effect.flatMap(response.json, Schema.decodeUnknownEffect(KeysResponse)).pipe(
    Effect.mapError(() => new RemoteError({ message: "The gateway's response is not valid." }))
  )
  return data
})

const newline = 10
const lastTs = /(?:^|\n)(?:\{"ts":)?(\d+)[^\n]*\n[^\n]*$/

/** Appends the rows of one key, from `start` on, to the file. */
const appendKey = (
  remote: Remote,
  file: FileSystem.File,
  { device, end, format, keys, start: rangeStart }: ExportRequest,
  index: number,
  start: number,
  progress: Progress
) =>
  Effect.gen(function* () {
    const query = `key=${encodeURIComponent(keys[index]!)}&start_ts=${start}&end_ts=${end}&format=${format}`
    const response = yield* remote.send(HttpClientRequest.get(remote.url(`devices/${device}/telemetry/export?${query}`)))
    let skipHeader = format === "csv" && progress.bytes > 0
    yield* Stream.runForEach(streamBody(response), (chunk) => {
      const from = skipHeader ? chunk.indexOf(newline) + 1 : 0
      skipHeader = false
      const rows = chunk.subarray(from)
      for (const byte of rows) if (byte === newline) progress.rows++
      progress.bytes += rows.length
      const ts = lastTs.exec(Buffer.from(rows.subarray(-4096)).toString())?.[1]
      if (ts !== undefined) progress.share = (index + (Number(ts) - rangeStart) / (end - rangeStart)) / keys.length
      return Effect.mapError(file.writeAll(rows), (error) => new RemoteError({ message: error.message }))
    })
    progress.share = (index + 1) / keys.length
  })

const run = Effect.fnUntraced(function* (remote: Remote, request: ExportRequest, output: string) {
  const files = yield* FileSystem.FileSystem
  const partFile = `${output}.part`
  const position: ResumePosition = yield* findResumePosition(partFile, request.format, request.keys)
  if (position.bytes > 0) yield* Console.error(escapeControls(`Resuming after ${position.bytes} bytes of ${partFile}.`))
  yield* withProgress((progress) =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* files.open(partFile, { flag: "a" })
        progress.bytes = position.bytes
        for (let index = position.keyIndex; index < request.keys.length; index++) {
          const start = index === position.keyIndex && position.lastTs !== undefined ? position.lastTs + 1 : request.start
          if (start < request.end) yield* appendKey(remote, file, request, index, start, progress)
        }
      })
    )
  )
  yield* files.rename(partFile, output)
  yield* Console.error(escapeControls(`Wrote ${output}.`))
})

export const exportCommand = Command.make(
  "export",
  {
    ...remoteFlags,
    device: Flag.String("device").pipe(Flag.withSchema(DeviceId), Flag.withDescription("The device's id")),
    keys: Flag.String("keys").pipe(Flag.withDescription("Keys, separated by commas; all keys by default"), Flag.optional),
    from: timeFlag("from", "Start of the range, inclusive"),
    to: timeFlag("to", "End of the range, exclusive"),
    format: Flag.Literals("format", resumableFormats).pipe(Flag.withDescription("Format of the file"), Flag.withDefault("csv" as const)),
    output: Flag.String("output").pipe(Flag.withAlias("o"), Flag.withMetavar("file"), Flag.withDescription("Output file"))
  },
  Effect.fnUntraced(function* ({ device, format, from, keys, output, to, ...flags }) {
    const remote = yield* connect(flags)
    const requestedKeys = Option.match(keys, { onNone: () => undefined, onSome: (list) => list.split(",").map((key) => key.trim()) })
    const request: ExportRequest = { device, keys: requestedKeys ?? (yield* fetchKeys(remote, device)), start: from, end: to, format }
    yield* Effect.catchTag(run(remote, request, output), "PlatformError", (error) =>
      Effect.fail(new RemoteError({ message: error.message }))
    )
  })
).pipe(
  Command.withShortDescription("Write a device's telemetry to a file"),
  Command.withDescription(
    "Writes all telemetry of a device in a time range to a file, through the API, with a progress bar. The file is called <output>.part until it is complete; run the same command again to resume an interrupted export."
  ),
  Command.withExamples([
    {
      command: "boardwalk export --device 784f394c-42b6-435a-983c-b7beff2784f9 --from 2026-01-01 --to 2026-02-01 -o january.csv",
      description: "A month as CSV"
    }
  ])
)
