/**
 * The file formats of telemetry: one row per format, read by the API, content negotiation, the writers in `src/formats` and the CLI; a
 * test compares the table in `docs/telemetry.md`. To add a format, add a row here: the compiler then requires a writer in
 * `src/formats/FileWriter.ts` and a response in `src/api/groups/TelemetryReads.ts`.
 */

interface FormatFacts {
  /** The `Content-Type` of responses and, for json, csv and jsonl, of uploads; accepted in `Accept`. */
  readonly mediaType: string
  /** Parameters that responses add to the media type. */
  readonly parameters?: string
  /** Other names of the media type that clients use, accepted wherever `mediaType` is. */
  readonly aliases: ReadonlyArray<string>
  /** Without the dot. */
  readonly fileExtension: string
  /** Whether each row is one record of text, so that an incomplete file can be continued after its last complete row. */
  readonly resumable: boolean
}

export const formats = {
  json: { mediaType: "application/json", aliases: [], fileExtension: "json", resumable: false },
  csv: { mediaType: "text/csv", parameters: "charset=utf-8; header=present", aliases: [], fileExtension: "csv", resumable: true },
  jsonl: {
    mediaType: "application/x-ndjson",
    aliases: ["application/jsonl", "application/json-lines"],
    fileExtension: "jsonl",
    resumable: true
  },
  xlsx: {
    mediaType: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    aliases: [],
    fileExtension: "xlsx",
    resumable: false
  },
  parquet: { mediaType: "application/vnd.apache.parquet", aliases: [], fileExtension: "parquet", resumable: false }
} as const satisfies Readonly<Record<string, FormatFacts>>

export type Format = keyof typeof formats

export const formatNames = Object.keys(formats) as ReadonlyArray<Format>

export type ResumableFormat = { [F in Format]: (typeof formats)[F]["resumable"] extends true ? F : never }[Format]

export const resumableFormats = formatNames.filter((name): name is ResumableFormat => formats[name].resumable)

/** The `Content-Type` of a file. */
export const contentTypeOf = (format: Format): string => {
  const { mediaType, parameters }: FormatFacts = formats[format]
  return parameters === undefined ? mediaType : `${mediaType}; ${parameters}`
}

/** All media types of a format, the one that responses use first. */
export const mediaTypesOf = (format: Format): ReadonlyArray<string> => [formats[format].mediaType, ...formats[format].aliases]

const byMediaType: ReadonlyMap<string, Format> = new Map(
  formatNames.flatMap((format) => mediaTypesOf(format).map((type) => [type, format] as const))
)

/** The format of a media type in lower case and without parameters. */
export const formatOfMediaType = (mediaType: string): Format | undefined => byMediaType.get(mediaType)
