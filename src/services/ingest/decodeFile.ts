/** Turns the bytes of a file into text. Names what the file is when it cannot be text. */
import { Effect, Stream } from "effect"
import { InvalidInput } from "../../domain/Errors.ts"

export const invalidBody = (issue: string) => new InvalidInput({ errors: [{ field: "body", issue }] })

/** The first bytes of files that people send in place of text. */
const magic: ReadonlyArray<readonly [bytes: ReadonlyArray<number>, name: string]> = [
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP archive or an Excel workbook: save it as CSV"],
  [[0xd0, 0xcf, 0x11, 0xe0], "an old Excel workbook: save it as CSV"],
  [[0x1f, 0x8b], "compressed with gzip: decompress it"],
  [[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd: decompress it"],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file: convert it to CSV or NDJSON"]
]

const startsWith = (chunk: Uint8Array, bytes: ReadonlyArray<number>) => bytes.every((byte, i) => chunk[i] === byte)

/** Whether this encoding is known. */
export const isKnownCharset = (charset: string): boolean => {
  try {
    return new TextDecoder(charset).encoding !== ""
  } catch {
    return false
  }
}

/** A byte order mark takes precedence over the name, as in browsers. */
const charsetOf = (first: Uint8Array, named: string): string => {
  if (startsWith(first, [0xff, 0xfe])) return "utf-16le"
  if (startsWith(first, [0xfe, 0xff])) return "utf-16be"
  return startsWith(first, [0xef, 0xbb, 0xbf]) ? "utf-8" : named
}

/** ASCII text in UTF-16 has a zero byte in every second place. */
const looksLikeUtf16 = (chunk: Uint8Array) =>
  chunk.length >= 4 && ((chunk[1] === 0 && chunk[3] === 0) || (chunk[0] === 0 && chunk[2] === 0))

/**
 * Decodes a file, by default as UTF-8. Bytes that are not valid become U+FFFD, and the row that has them is rejected. Fails if the file
 * begins like one that is no text.
 */
export const decodeFile =
  (charset = "utf-8") =>
  <E>(body: Stream.Stream<Uint8Array, E>): Stream.Stream<string, E | InvalidInput> =>
    Stream.suspend(() => {
      let decoder: TextDecoder | undefined
      const begin = (chunk: Uint8Array): Effect.Effect<TextDecoder, InvalidInput> => {
        const found = magic.find(([bytes]) => startsWith(chunk, bytes))
        if (found !== undefined) return Effect.fail(invalidBody(`Expected text, but the file is ${found[1]}`))
        const encoding = charsetOf(chunk, charset)
        if (encoding === "utf-8" && looksLikeUtf16(chunk))
          return Effect.fail(
            invalidBody(
              "Expected UTF-8, but the file looks like UTF-16: name it in the Content-Type, for example text/csv; charset=utf-16le"
            )
          )
        return Effect.succeed(new TextDecoder(encoding))
      }
      const text = Stream.mapEffect(body, (chunk) =>
        decoder === undefined && chunk.length > 0
          ? Effect.map(begin(chunk), (made) => (decoder = made).decode(chunk, { stream: true }))
          : Effect.succeed(decoder?.decode(chunk, { stream: true }) ?? "")
      )
      return Stream.concat(
        text,
        Stream.sync(() => decoder?.decode() ?? "")
      )
    })
