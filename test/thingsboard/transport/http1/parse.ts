/** Runs the parser over a response that is cut into parts. */
import { ExchangeFailure } from "../../../../src/thingsboard/transport/http1/ExchangeFailure.ts"
import { type ParserOptions, ResponseParser } from "../../../../src/thingsboard/transport/http1/ResponseParser.ts"

export interface Parsed {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly length: number | undefined
  readonly body: string
  readonly isReusable: boolean
}

/** The fields that tests look at. */
const known = ["content-length", "x"]

/** The response; the rule that it breaks, as text; or `incomplete`, if the connection stays open and more must come. */
export const parse = (
  parts: ReadonlyArray<string | Buffer>,
  { ends = false, ...options }: ParserOptions & { readonly ends?: boolean } = {}
): Parsed | string => {
  let seen: Pick<Parsed, "status" | "fields" | "length"> | undefined
  const body: Array<Buffer> = []
  const parser = new ResponseParser(
    {
      onHead: ({ fields, status }, length) => {
        if (seen !== undefined) throw new Error("two heads")
        seen = {
          status,
          fields: Object.fromEntries(known.flatMap((name) => [[name, fields.get(name)]]).filter(([, value]) => value !== undefined)),
          length
        }
      },
      onBody: (bytes) => {
        if (seen === undefined || bytes.length === 0) throw new Error("body without head, or nothing")
        body.push(Buffer.from(bytes))
      }
    },
    options
  )
  try {
    for (const part of parts) parser.push(Buffer.from(part as string, "latin1"))
    if (ends) parser.end()
  } catch (error) {
    if (error instanceof ExchangeFailure) return error.message
    throw error
  }
  if (!parser.isDone) return "incomplete"
  return { ...seen!, body: Buffer.concat(body).toString("latin1"), isReusable: parser.isReusable }
}
