/** The flags of `boardwalk import` that say how a file is written. Each one is the parameter of the API with the same name. */
import { Option } from "effect"
import { Flag } from "effect/cli"

const text = (name: string, description: string, placeholder: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withMetavar(placeholder), Flag.optional)

const choice = <const Names extends ReadonlyArray<string>>(name: string, names: Names, description: string) =>
  Flag.Literals(name, names).pipe(Flag.withDescription(description), Flag.optional)

const line = (name: string, description: string) => Flag.Int(name).pipe(Flag.withDescription(description), Flag.optional)

export const fileFlags = {
  tsUnit: choice("ts-unit", ["s", "ms", "us", "ns"], "Unit of numeric timestamps; default: ms"),
  timeColumn: text("time-column", "Column with the time, or two columns with its parts, separated by a comma; default: ts", "names"),
  timeFormat: text("time-format", "How times are written, for example dd.MM.yyyy HH:mm:ss; default: ISO 8601 or a number", "format"),
  timezone: text("timezone", "IANA time zone of times without an offset, for example Europe/Berlin", "name"),
  header: choice("header", ["present", "absent"], "Whether a CSV file has a header; without one, --columns is required"),
  columns: text("columns", "Names of the columns, separated by commas, in place of those in the header; - ignores a column", "names"),
  skipLines: line("skip-lines", "Lines before the header of a CSV file"),
  fromLine: line("from-line", "Read only the rows from this line on, as an earlier import reported it"),
  missing: text("missing", "What the file writes where there is no value, separated by commas", "texts"),
  nan: choice("nan", ["reject", "gap"], "What to do with NaN in a CSV file: reject the row, or leave out the value"),
  decimal: choice("decimal", ["dot", "comma"], "How a CSV file writes decimals"),
  charset: text("charset", "Encoding of the file, for example windows-1252; default: UTF-8", "name")
}

type Values = { readonly [K in keyof typeof fileFlags]: Option.Option<string | number> }

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** The parameters of the request. The encoding is not one of them: it belongs to the `Content-Type`. */
export const fileParameters = (flags: Values): ReadonlyArray<[string, string]> =>
  (Object.keys(fileFlags) as ReadonlyArray<keyof Values>).flatMap((name): ReadonlyArray<[string, string]> =>
    name === "charset" || Option.isNone(flags[name]) ? [] : [[snakeCase(name), String(flags[name].value)]]
  )

export const mediaTypeWith = (mediaType: string, charset: Option.Option<string>): string =>
  Option.match(charset, { onNone: () => mediaType, onSome: (name) => `${mediaType}; charset=${name}` })
