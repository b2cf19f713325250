/** The two ways of `boardwalk export`: a file that can be continued after an interruption, and any other file in one request. */
import { Console, Effect, FileSystem, Stdio, Stream } from "effect"
import { HttpBody, HttpClientRequest } from "effect/http"
import type { Format, ResumableFormat } from "../domain/Format.ts"
import { escapeControls } from "../observability/escapeControls.ts"
import { findResumePosition } from "./resumeExport.ts"
import { type Progress, withProgress } from "./progress.ts"
import { streamBody, type Remote, RemoteError } from "./remote.ts"
import { explainStop } from "./stopped.ts"

interface Range {
  /** Undefined for all keys. */
  readonly keys: ReadonlyArray<string> | undefined
  readonly start: number
  readonly end: number
}

/** How the file is written; the names are those of the API. */
export interface FileOptions {
  readonly timezone?: string
  readonly layout?: "long" | "wide"
  readonly dialect?: "standard" | "excel"
}

export interface OneRequestExport extends Range {
  readonly options: FileOptions
  readonly format: Format
  /** Several devices by id, or all devices of a type. */
  readonly devices: { readonly device_ids: ReadonlyArray<string> } | { readonly device_type: string }
}

export interface ResumableExport extends Range {
  readonly device: string
  readonly keys: ReadonlyArray<string>
  readonly format: ResumableFormat
}

const newline = 10
const lastTs = /(?:^|\n)(?:\{"ts":)?(\d+)[^\n]*\n[^\n]*$/

const cannotWrite = (path: string) => (error: { readonly reason: { readonly _tag: string } }) =>
  new RemoteError({ message: escapeControls(`${path} cannot be written: ${systemMessages[error.reason._tag] ?? error.reason._tag}.`) })

const systemMessages: Record<string, string> = {
  NotFound: "the folder does not exist",
  PermissionDenied: "permission denied",
  BadResource: "it is a folder, or the disk is full"
}

const countRows = (progress: Progress, chunk: Uint8Array) => {
  for (const byte of chunk) if (byte === newline) progress.rows++
  progress.bytes += chunk.length
}

/** Appends the rows of one key, from `start` on, to the file. */
const appendKey = (
  remote: Remote,
  file: FileSystem.File,
  { device, end, format, keys, start: rangeStart }: ResumableExport,
  index: number,
  start: number,
  progress: Progress
) =>
  Effect.gen(function* () {
    const query = `key=${encodeURIComponent(keys[index]!)}&start_ts=${start}&end_ts=${end}&format=${format}`
    const response = yield* remote.send(HttpClientRequest.get(remote.url(`devices/${device}/telemetry/export?${query}`)))
    let skipHeader = format === "csv" && progress.bytes > 0
    yield* Stream.runForEach(streamBody(response), (chunk) => {
      const rows = chunk.subarray(skipHeader ? chunk.indexOf(newline) + 1 : 0)
      skipHeader = false
      countRows(progress, rows)
      const ts = lastTs.exec(Buffer.from(rows.subarray(-4096)).toString())?.[1]
      if (ts !== undefined) progress.share = (index + (Number(ts) - rangeStart) / (end - rangeStart)) / keys.length
      return file.writeAll(rows)
    })
    progress.share = (index + 1) / keys.length
  })

/** Writes key after key to `<output>.part`, after what is already there, and renames it when it is complete. */
export const exportResumably = Effect.fnUntraced(function* (remote: Remote, request: ResumableExport, output: string) {
  const files = yield* FileSystem.FileSystem
  const partFile = `${output}.part`
  yield* Effect.gen(function* () {
    const position = yield* findResumePosition(partFile, request.format, request.keys)
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
      ).pipe(
        explainStop(() => escapeControls(`${progress.bytes} bytes in ${partFile}`), "To continue from there, run the same command again:")
      )
    )
    yield* files.rename(partFile, output)
  }).pipe(Effect.catchTag("PlatformError", (error) => Effect.fail(cannotWrite(partFile)(error))))
  yield* Console.error(escapeControls(`Wrote ${output}.`))
})

const toRequest = (remote: Remote, { devices, end, format, keys, options, start }: OneRequestExport) => {
  if ("device_ids" in devices && devices.device_ids.length === 1) {
    const query = [
      `start_ts=${start}`,
      `end_ts=${end}`,
      `format=${format}`,
      ...(keys ?? []).map((key) => `key=${encodeURIComponent(key)}`),
      ...Object.entries(options).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    ]
    return HttpClientRequest.get(remote.url(`devices/${devices.device_ids[0]}/telemetry/export?${query.join("&")}`))
  }
  const body = { ...devices, ...(keys === undefined ? {} : { keys }), start_ts: start, end_ts: end, format, ...options }
  return HttpClientRequest.setBody(
    HttpClientRequest.post(remote.url("telemetry/export")),
    HttpBody.text(JSON.stringify(body), "application/json")
  )
}

/** Sends one request and writes its body. How much is to come is not known, so the progress has no share. */
const receive = <E>(remote: Remote, request: OneRequestExport, write: (chunk: Uint8Array) => Effect.Effect<void, E>, where: string) =>
  withProgress((progress) =>
    remote.send(toRequest(remote, request)).pipe(
      Effect.flatMap((response) =>
        Stream.runForEach(streamBody(response), (chunk) => {
          countRows(progress, chunk)
          return write(chunk)
        })
      ),
      explainStop(() => escapeControls(`${progress.bytes} bytes${where}`), "The file is not complete. To write it anew:")
    )
  )

/** To standard output. */
export const exportToStdout = Effect.fnUntraced(
  function* (remote: Remote, request: OneRequestExport) {
    const { stdout } = yield* Stdio.Stdio
    const sink = stdout({ endOnDone: false })
    yield* receive(remote, request, (chunk) => Stream.run(Stream.make(chunk), sink), "")
  },
  // The reason is nearly always a reader that has seen enough, such as `head`; the operating system does not say it in a common form.
  Effect.catchTag("PlatformError", () =>
    Effect.fail(new RemoteError({ message: "Standard output was closed before the export was complete." }))
  )
)

/** Writes `<output>.part`, and renames it when it is complete. */
export const exportAtOnce = Effect.fnUntraced(function* (remote: Remote, request: OneRequestExport, output: string) {
  const files = yield* FileSystem.FileSystem
  const partFile = `${output}.part`
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* files.open(partFile, { flag: "w" })
      yield* receive(remote, request, (chunk) => file.writeAll(chunk), ` in ${partFile}`)
    })
  ).pipe(
    Effect.andThen(files.rename(partFile, output)),
    Effect.catchTag("PlatformError", (error) => Effect.fail(cannotWrite(partFile)(error)))
  )
  yield* Console.error(escapeControls(`Wrote ${output}.`))
})
