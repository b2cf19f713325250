/** How the text of a setting is decoded. `expected` completes the sentence "<VARIABLE> must be …" and never contains the value. */
import { ByteSize, Duration, Option, Redacted, Schema, SchemaTransformation } from "effect"
import { parseNetwork } from "../domain/Network.ts"

export interface Codec<out A> {
  readonly schema: Schema.Codec<A, string>
  readonly expected: string
}

export const text: Codec<string> = { schema: Schema.String, expected: "text" }

/** Labels of letters, digits and hyphens. The last one is not a number: it would be an IPv4 address. */
const hostName = /^(?=.{1,253}$)(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d])?\.)*(?!\d+\.?$)[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d])?\.?$/i

const isIp = (text: string) => !text.includes("/") && parseNetwork(text) !== undefined

/** An address to listen on. An IPv6 address may be in brackets and have a zone. */
export const address: Codec<string> = {
  schema: Schema.String.check(
    Schema.makeFilter((value) => isIp(value.replace(/^\[(.*)\]$/, "$1").replace(/(:.*)%[\w.-]+$/, "$1")) || hostName.test(value))
  ),
  expected: "an address or name of this machine, such as 0.0.0.0, 127.0.0.1 or ::"
}

export const secret: Codec<Redacted.Redacted<string>> = {
  schema: Schema.String.pipe(
    Schema.decodeTo(
      Schema.Redacted(Schema.String),
      SchemaTransformation.transform({ decode: (value) => Redacted.make(value), encode: (redacted) => Redacted.value(redacted) })
    )
  ),
  expected: "text"
}

export const integer = (minimum: number, maximum: number): Codec<number> => ({
  schema: Schema.String.check(Schema.isPattern(/^\d{1,15}$/)).pipe(
    Schema.decodeTo(Schema.Int.check(Schema.isBetween({ minimum, maximum })), SchemaTransformation.numberFromString)
  ),
  expected: `a whole number from ${minimum} to ${maximum}`
})

const trueTexts = new Set(["true", "1", "yes", "on", "t", "y"])
const falseTexts = new Set(["false", "0", "no", "off", "f", "n"])

export const boolean: Codec<boolean> = {
  schema: Schema.String.check(Schema.makeFilter((value) => trueTexts.has(value.toLowerCase()) || falseTexts.has(value.toLowerCase()))).pipe(
    Schema.decodeTo(
      Schema.Boolean,
      SchemaTransformation.transform({ decode: (value) => trueTexts.has(value.toLowerCase()), encode: (on) => (on ? "true" : "false") })
    )
  ),
  expected: "true or false"
}

export const oneOf = <const A extends string>(...choices: ReadonlyArray<A>): Codec<A> => ({
  schema: Schema.String.pipe(
    Schema.decodeTo(
      Schema.Literals(choices),
      SchemaTransformation.transform({ decode: (value) => value.toLowerCase() as A, encode: (choice): string => choice })
    )
  ),
  expected: `one of ${choices.join(", ")}`
})

const millisecondsOf = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const durationText = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h)?$/

const toDuration = (value: string): Duration.Duration => {
  const [, amount, unit] = durationText.exec(value)!
  return Duration.millis(Number(amount) * millisecondsOf[(unit ?? "s") as keyof typeof millisecondsOf])
}

const durationFrom = (minimumMillis: number): Codec<Duration.Duration>["schema"] =>
  Schema.String.check(
    Schema.isPattern(durationText),
    Schema.makeFilter((value) => Duration.toMillis(toDuration(value)) >= minimumMillis)
  ).pipe(
    Schema.decodeTo(
      Schema.Duration,
      SchemaTransformation.transform({ decode: toDuration, encode: (value) => `${Duration.toMillis(value)}ms` })
    )
  )

export const duration: Codec<Duration.Duration> = {
  schema: durationFrom(1),
  expected: "a duration above zero, such as 10s, 500ms, 2m, or plain seconds"
}

/** A duration that may be 0. */
export const durationOrZero: Codec<Duration.Duration> = {
  schema: durationFrom(0),
  expected: "a duration, such as 10s, 500ms, 2m, plain seconds, or 0"
}

const byteSizeUpTo = (maxBytes: bigint): Codec<number>["schema"] =>
  Schema.String.check(
    Schema.makeFilter((value) => {
      const size = Option.getOrUndefined(ByteSize.fromString(/^\d+$/.test(value) ? `${value} B` : value))
      return size !== undefined && size >= 1n && size <= maxBytes
    })
  ).pipe(
    Schema.decodeTo(
      Schema.Int,
      SchemaTransformation.transform({
        decode: (value) => ByteSize.toNumberUnsafe(ByteSize.fromStringUnsafe(/^\d+$/.test(value) ? `${value} B` : value)),
        encode: String
      })
    )
  )

export const byteSize: Codec<number> = {
  schema: byteSizeUpTo(BigInt(Number.MAX_SAFE_INTEGER)),
  expected: "a size above zero, such as 10MiB, 512KiB, or plain bytes"
}

/** For sizes that are held in memory per connection. */
export const byteSizeUpTo1MiB: Codec<number> = {
  schema: byteSizeUpTo(1024n * 1024n),
  expected: "a size above zero and up to 1MiB, such as 16KiB, or plain bytes"
}

const parseUrl = (value: string): URL | undefined => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined
}

/** An http(s) URL, decoded without its trailing slash. The path is kept, for a server behind a prefix. */
export const httpUrl: Codec<string> = {
  schema: Schema.String.check(
    Schema.makeFilter((value) => {
      const url = parseUrl(value)
      return url !== undefined && url.username === "" && url.password === "" && url.search === "" && url.hash === ""
    })
  ).pipe(
    Schema.decodeTo(
      Schema.String,
      SchemaTransformation.transform({
        decode: (value) => {
          const { origin, pathname } = new URL(value)
          return origin + pathname.replace(/\/+$/, "")
        },
        encode: (value) => value
      })
    )
  ),
  expected: "a URL such as https://thingsboard.example.com, without user, password or query"
}

/** The gateway's own URL, as clients know it. */
export const publicUrl: Codec<string> = {
  ...httpUrl,
  expected: "a URL such as https://api.example.com, without user, password or query"
}

const jsonList = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Array(Schema.String)))

/** Splits at commas and trims the items. A JSON array of strings is accepted too, since some tools write lists that way. */
const splitList = (value: string): ReadonlyArray<string> =>
  Option.getOrElse(jsonList(value), () => value.split(","))
    .map((item) => item.trim())
    .filter((item) => item !== "")

const listOf = (
  isItem: (item: string) => boolean,
  normalize: (item: string) => string,
  expected: string
): Codec<ReadonlyArray<string>> => ({
  schema: Schema.String.check(Schema.makeFilter((value) => splitList(value).every(isItem))).pipe(
    Schema.decodeTo(
      Schema.Array(Schema.String),
      SchemaTransformation.transform({
        decode: (value): ReadonlyArray<string> => splitList(value).map(normalize),
        encode: (items) => items.join(",")
      })
    )
  ),
  expected
})

export const hosts = listOf(
  (item) => item === "*" || /^(\*\.)?[\w.-]+(:\d{1,5})?$|^\[[\da-fA-F:.]+\](:\d{1,5})?$/.test(item),
  (item) => item.toLowerCase(),
  "host names separated by commas, such as api.example.com,*.example.org"
)

export const networks = listOf(
  (item) => parseNetwork(item) !== undefined,
  (item) => item,
  "addresses or networks separated by commas, such as 10.0.0.7,192.168.1.16/28,fd00::7, without host bits"
)

/** Redacted as a whole, since it may contain a password. */
export const redisUrl: Codec<Redacted.Redacted<string>> = {
  schema: Schema.String.check(
    Schema.makeFilter((value) => {
      const url = URL.canParse(value) ? new URL(value) : undefined
      return (url?.protocol === "redis:" || url?.protocol === "rediss:") && url.hostname !== ""
    })
  ).pipe(
    Schema.decodeTo(
      Schema.Redacted(Schema.String),
      SchemaTransformation.transform({ decode: (value) => Redacted.make(value), encode: (redacted) => Redacted.value(redacted) })
    )
  ),
  expected: "a URL such as rediss://user:password@redis.example.com:6379"
}

export const origins = listOf(
  (item) => item === "*" || (parseUrl(item) !== undefined && /^https?:\/\/[^/?#@*]+\/?$/i.test(item)),
  (item) => (item === "*" ? item : new URL(item).origin),
  "origins separated by commas, such as https://app.example.com,http://localhost:3000, without wildcards in names; * alone allows all"
)
