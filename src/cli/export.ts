import { Console, Effect, FileSystem, Option, Schema, Stream } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpClientRequest } from "effect/http"
import { type ResumableFormat, resumableFormats } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { type ResumePosition, findResumePosition } from "./resumeExport.ts"
import { type Progress, withProgress } from "./progress.ts"
import { streamBody, connect, type Remote, remoteFlags, RemoteError } from "./remote.ts"

const time = (name: string, about: string) =>
  Flag.String(name).pipe(
    Flag.withDescription(`${about}: milliseconds, or a date such as 2026-01-31 or 2026-01-31T08:00:00+01:00`),
    Flag.filterMap(
      (text) => {
        const ts = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
        return Number.isSafeInteger(ts) && ts >= 0 ? Option.some(ts) : Option.none()
      },
      (text) => `${text} is no time`
    )
  )

interface Wanted {
  readonly device: string
  readonly keys: ReadonlyArray<string>
  readonly start: number
  readonly end: number
  readonly format: ResumableFormat
}

const KeysAnswer = Schema.Struct({ data: Schema.Array(Schema.String) })

const allKeys = Effect.fnUntraced(function* (remote: Remote, device: string) {
  const response = yield* remote.send(HttpClientRequest.get(remote.url(`devices/${device}/keys`)))
  const { data } = yield* Effect.flatMap(response.json, Schema.decodeUnknownEffect(KeysAnswer)).pipe(
    Effect.mapError(() => new RemoteError({ message: "The gateway's answer is not understood." }))
  )
  return data
})

const newline = 10
const lastTs = /(?:^|\n)(?:\{"ts":)?(\d+)[^\n]*\n[^\n]*$/

/** Rows of one key, from `start` on, at the end of the file. */
const appendKey = (
  remote: Remote,
  file: FileSystem.File,
  { device, end, format, keys, start: begin }: Wanted,
  index: number,
  start: number,
  progress: Progress
) =>
  Effect.gen(function* () {
    const query = `keys=${encodeURIComponent(keys[index]!)}&start_ts=${start}&end_ts=${end}&format=${format}`
    const response = yield* remote.send(HttpClientRequest.get(remote.url(`devices/${device}/telemetry?${query}`)))
    let header = format === "csv" && progress.bytes > 0
    yield* Stream.runForEach(streamBody(response), (chunk) => {
      const from = header ? chunk.indexOf(newline) + 1 : 0
      header = false
      const rows = chunk.subarray(from)
      for (const byte of rows) if (byte === newline) progress.rows++
      progress.bytes += rows.length
      const ts = lastTs.exec(Buffer.from(rows.subarray(-4096)).toString())?.[1]
      if (ts !== undefined) progress.share = (index + (Number(ts) - begin) / (end - begin)) / keys.length
      return Effect.mapError(file.writeAll(rows), (error) => new RemoteError({ message: error.message }))
    })
    progress.share = (index + 1) / keys.length
  })

const run = Effect.fnUntraced(function* (remote: Remote, wanted: Wanted, output: string) {
  const files = yield* FileSystem.FileSystem
  const part = `${output}.part`
  const found: ResumePosition = yield* findResumePosition(part, wanted.format, wanted.keys)
  if (found.bytes > 0) yield* Console.error(`Going on after ${found.bytes} bytes of ${part}.`)
  yield* withProgress((progress) =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = yield* files.open(part, { flag: "a" })
        progress.bytes = found.bytes
        for (let index = found.keyIndex; index < wanted.keys.length; index++) {
          const start = index === found.keyIndex && found.lastTs !== undefined ? found.lastTs + 1 : wanted.start
          if (start < wanted.end) yield* appendKey(remote, file, wanted, index, start, progress)
        }
      })
    )
  )
  yield* files.rename(part, output)
  yield* Console.error(`Wrote ${output}.`)
})

export const exportCommand = Command.make(
  "export",
  {
    ...remoteFlags,
    device: Flag.String("device").pipe(Flag.withSchema(DeviceId), Flag.withDescription("The device's id")),
    keys: Flag.String("keys").pipe(Flag.withDescription("Comma list of keys; all keys when there is none"), Flag.optional),
    from: time("from", "Begin of the range"),
    to: time("to", "End of the range, not in it"),
    format: Flag.Literals("format", resumableFormats).pipe(Flag.withDescription("Form of the file"), Flag.withDefault("csv" as const)),
    output: Flag.String("output").pipe(Flag.withAlias("o"), Flag.withMetavar("file"), Flag.withDescription("The file to write"))
  },
  Effect.fnUntraced(function* ({ device, format, from, keys, output, to, ...flags }) {
    const remote = yield* connect(flags)
    const asked = Option.match(keys, { onNone: () => undefined, onSome: (list) => list.split(",").map((key) => key.trim()) })
    const wanted: Wanted = { device, keys: asked ?? (yield* allKeys(remote, device)), start: from, end: to, format }
    yield* Effect.catchTag(run(remote, wanted, output), "PlatformError", (error) =>
      Effect.fail(new RemoteError({ message: error.message }))
    )
  })
).pipe(
  Command.withShortDescription("Write a device's telemetry to a file"),
  Command.withDescription(
    "Writes all telemetry of a device and range to a file, through the API, with a progress bar. What was cut off goes on where it ended when the same command is started again: until it is whole the file is called <output>.part."
  ),
  Command.withExamples([
    {
      command: "boardwalk export --device 784f394c-42b6-435a-983c-b7beff2784f9 --from 2026-01-01 --to 2026-02-01 -o january.csv",
      description: "A month as CSV"
    }
  ])
)
