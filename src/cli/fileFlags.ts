/** The flags of `boardwalk import` that say how a file is written. Each one is the parameter of the API with the same name. */
import { Option } from "effect"
import { Flag } from "effect/cli"
import { choice, text } from "./flags.ts"

const texts = (name: string, description: string, placeholder: string, max: number) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withMetavar(placeholder), Flag.between(0, max))

const line = (name: string, description: string) => Flag.Int(name).pipe(Flag.withDescription(description), Flag.optional)

export const fileFlags = {
  tsUnit: choice("ts-unit", ["s", "ms", "us", "ns"], "Unit of numeric timestamps; default: ms"),
  timeColumn: texts("time-column", "Column with the time; repeated for the date and the time of day; default: ts", "name", 3),
  timeFormat: text("time-format", "How times are written, for example dd.MM.yyyy HH:mm:ss; default: ISO 8601 or a number", "format"),
  timezone: text("timezone", "IANA time zone of times without an offset, for example Europe/Berlin", "name"),
  repeatedTimes: choice(
    "repeated-times",
    ["reject", "infer"],
    "Times that the clocks show twice: reject the rows, or infer from the row before which of the two they are"
  ),
  header: choice("header", ["present", "absent"], "Whether a CSV file has a header; without one, --columns is required"),
  columns: text("columns", "Names of the columns, separated by commas, in place of those in the header; - ignores a column", "names"),
  skipLines: line("skip-lines", "Lines before the header of a CSV file"),
  fromLine: line("from-line", "Read only the rows from this line on, as an earlier import reported it"),
  missing: texts("missing", "What the file writes where there is no value, exactly; can be repeated", "text", 100),
  nan: choice("nan", ["reject", "gap"], "What to do with NaN in a CSV file: reject the row, or leave out the value"),
  decimal: choice("decimal", ["dot", "comma"], "How a CSV file writes decimals"),
  charset: text("charset", "Encoding of the file, for example windows-1252; default: UTF-8", "name")
}

type Value = Option.Option<string | number> | ReadonlyArray<string>
type Values = { readonly [K in keyof typeof fileFlags]: Value } & { readonly charset: Option.Option<string> }

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The parameters of the request. The encoding is not one of them: it belongs to the `Content-Type`. */
export const fileParameters = (flags: Values): ReadonlyArray<[string, string]> =>
  (Object.keys(fileFlags) as ReadonlyArray<keyof typeof fileFlags>).flatMap((name) => {
    const value: Value = flags[name]
    const values = name === "charset" ? [] : Option.isOption(value) ? Option.toArray(value) : value
    return values.map((one): [string, string] => [snakeCase(name), String(one)])
  })

export const mediaTypeWith = (mediaType: string, charset: Option.Option<string>): string =>
  Option.match(charset, { onNone: () => mediaType, onSome: (name) => `${mediaType}; charset=${name}` })
