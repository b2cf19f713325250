import { Effect, Option, Record, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { HttpClientRequest } from "effect/http"
import { type Format, formatNames, formats, resumableFormats } from "../domain/Format.ts"
import { DeviceId } from "../domain/Ids.ts"
import { timestampIssue } from "../domain/timestamps.ts"
import { exportAtOnce, exportResumably, exportToStdout, type FileOptions } from "./exportFile.ts"
import { choice, text, usageError } from "./flags.ts"
import { connect, type Remote, remoteFlags, RemoteError } from "./remote.ts"

const timeFlag = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("time"),
    Flag.withDescription(`${description}: milliseconds since the epoch, or a date such as 2026-01-31 or 2026-01-31T08:00:00+01:00`),
    Flag.filterMap(
      (text) => {
        const ts = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
        return timestampIssue(ts) === undefined ? Option.some(ts) : Option.none()
      },
      (text) =>
        /^\d+$/.test(text)
          ? `${text}: ${timestampIssue(Number(text))}`
          : `${text} is not a time such as 2026-01-31 or 2026-01-31T08:00:00+01:00`
    )
  )

const KeysResponse = Schema.Struct({ data: Schema.Array(Schema.String) })

const fetchKeys = Effect.fnUntraced(function* (remote: Remote, device: string) {
  const response = yield* remote.send(HttpClientRequest.get(remote.url(`devices/${device}/keys`)))
  const { data } = yield* Effect.flatMap(response.json, Schema.decodeUnknownEffect(KeysResponse)).pipe(
    Effect.mapError(() => new RemoteError({ message: "The gateway's response is not valid." }))
  )
  return data
})

const formatOfFile = (output: string): Format | undefined => {
  const extension = /\.([^./\\]+)$/.exec(output)?.[1]?.toLowerCase()
  return formatNames.find((name) => formats[name].fileExtension === extension) ?? (extension === "ndjson" ? "jsonl" : undefined)
}

/** The format of `--format`, or of the file's extension; they must not differ. */
const chooseFormat = (format: Option.Option<Format>, output: string) => {
  const ofFile = formatOfFile(output)
  if (Option.isNone(format)) return Effect.succeed(ofFile ?? "csv")
  return ofFile === undefined || ofFile === format.value
    ? Effect.succeed(format.value)
    : Effect.fail(usageError(["export"], `--format ${format.value} does not fit the file name ${output}, which is ${ofFile}.`))
}

const chooseDevices = (ids: ReadonlyArray<string>, type: Option.Option<string>) => {
  if (Option.isSome(type) && ids.length === 0) return Effect.succeed({ device_type: type.value })
  if (Option.isNone(type) && ids.length > 0) return Effect.succeed({ device_ids: ids })
  return Effect.fail(usageError(["export"], "Name the devices with --device, which can be repeated, or with --type, but not with both."))
}

export const exportCommand = Command.make(
  "export",
  {
    ...remoteFlags,
    device: Flag.String("device").pipe(
      Flag.withSchema(DeviceId),
      Flag.withMetavar("id"),
      Flag.withDescription("Id of a device; can be repeated"),
      Flag.between(0, 1000)
    ),
    type: Flag.String("type").pipe(Flag.withDescription("Export all devices of this type"), Flag.optional),
    keys: Flag.String("keys").pipe(Flag.withDescription("Keys, separated by commas; all keys by default"), Flag.optional),
    from: timeFlag("from", "Start of the range, inclusive (required)"),
    to: timeFlag("to", "End of the range, exclusive (required)"),
    format: choice("format", formatNames, "Format of the file; by default that of the file's extension, or csv"),
    layout: choice("layout", ["long", "wide"], "One row per point, or one row per time with a column per key (csv and jsonl)"),
    timezone: text("timezone", "IANA time zone of the additional column local_time (csv and jsonl)", "name"),
    dialect: choice("dialect", ["standard", "excel"], "Standard CSV, or what Excel reads where decimals have a comma"),
    output: Flag.String("output").pipe(
      Flag.withAlias("o"),
      Flag.withMetavar("file"),
      Flag.withDescription("Output file, or - for standard output (required)")
    )
  },
  Effect.fnUntraced(function* ({
    device: ids,
    dialect,
    format: requested,
    from: start,
    keys: list,
    layout,
    output,
    timezone,
    to: end,
    type,
    ...flags
  }) {
    if (start >= end) return yield* usageError(["export"], "--from must be before --to.")
    const format = yield* chooseFormat(requested, output)
    const devices = yield* chooseDevices(ids, type)
    const keys = Option.getOrUndefined(Option.map(list, (text) => text.split(",").map((key) => key.trim())))
    const options: FileOptions = Record.getSomes({ layout, timezone, dialect })
    const remote = yield* connect(flags)
    if (output === "-") return yield* exportToStdout(remote, { devices, keys, start, end, format, options })
    const resumable = resumableFormats.find((name) => name === format)
    if (resumable === undefined || ids.length !== 1 || Object.keys(options).length > 0)
      return yield* exportAtOnce(remote, { devices, keys, start, end, format, options }, output)
    const device = ids[0]!
    return yield* exportResumably(
      remote,
      { device, keys: keys ?? (yield* fetchKeys(remote, device)), start, end, format: resumable },
      output
    )
  })
).pipe(
  Command.withShortDescription("Write telemetry to a file"),
  Command.withDescription(
    "Writes all telemetry of one or more devices in a time range to a file, through the API, and shows the progress on standard error. The file is called <output>.part until it is complete. The export of one device as csv or jsonl can be interrupted: the same command continues it."
  ),
  Command.withExamples([
    {
      command: "boardwalk export --device 784f394c-42b6-435a-983c-b7beff2784f9 --from 2026-01-01 --to 2026-02-01 -o january.csv",
      description: "A month as CSV"
    },
    {
      command: "boardwalk export --type thermostat --keys temperature --from 2026-01-01 --to 2026-02-01 -o january.parquet",
      description: "A key of all thermostats as Parquet"
    },
    {
      command:
        "boardwalk export --device 784f394c-42b6-435a-983c-b7beff2784f9 --from 2026-01-01 --to 2026-02-01 --format jsonl -o - | gzip > january.jsonl.gz",
      description: "To another program"
    }
  ])
)
