/**
 * The status line and the fields of a response (RFC 9112). Whatever different programs could understand differently is an error: a response
 * whose end is uncertain would let the next request on the connection get somebody else's data.
 */
import { malformed } from "./ExchangeFailure.ts"
import { Fields, trimBlanks } from "./Fields.ts"

export interface ResponseHead {
  readonly status: number
  readonly fields: Fields
  /** Whether the server keeps the connection open after this response. */
  readonly isPersistent: boolean
}

/** How the end of the body is found. */
export type Framing =
  | { readonly by: "none" }
  | { readonly by: "length"; readonly length: number }
  | { readonly by: "chunks" }
  | { readonly by: "close" }

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?(?=\r\n|$)/
const fieldLines = /^(?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*)*$/

/** What is wrong with lines of fields of which something is. */
const describeProblem = (lines: string): string => {
  if (/\r\n[\t ]/.test(lines)) return "folded field"
  const invalid = lines.split("\r\n").find((line, index) => index > 0 && !fieldLines.test(`\r\n${line}`))
  return invalid !== undefined && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:/.test(invalid) ? "invalid field value" : "invalid field name"
}

/** Fields from lines that begin with CRLF. */
export const parseFields = (lines: string): Fields => {
  if (!fieldLines.test(lines)) throw malformed(describeProblem(lines))
  return new Fields(lines)
}

/** `text`: the bytes up to the empty line, as Latin-1. */
export const parseHead = (text: string): ResponseHead => {
  const status = statusLine.exec(text)
  if (status === null) throw malformed("invalid status line")
  const fields = parseFields(text.slice(status[0].length))
  const isOld = status[1] === "0"
  if (isOld && fields.get("transfer-encoding") !== undefined) throw malformed("transfer-encoding in HTTP/1.0")
  const connection = fields.get("connection")?.toLowerCase()
  const options = connection === undefined ? [] : connection.split(",").map(trimBlanks)
  return {
    status: Number(status[2]),
    fields,
    isPersistent: !options.includes("close") && (!isOld || options.includes("keep-alive"))
  }
}

const decimal = /^\d{1,15}$/

/** How the body of this response ends (RFC 9112, 6.3), for any method but CONNECT. */
export const framingOf = ({ fields, status }: ResponseHead, isHead: boolean): Framing => {
  for (const name of ["content-length", "transfer-encoding"]) if (fields.count(name) > 1) throw malformed(`repeated ${name}`)
  const encoding = fields.get("transfer-encoding")
  const length = fields.get("content-length")
  if (encoding !== undefined && length !== undefined) throw malformed("both content-length and transfer-encoding")
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked") throw malformed("unknown transfer-encoding")
  if (length !== undefined && !decimal.test(length)) throw malformed("invalid content-length")
  // HEAD and 304 describe the body of another response. A 204 has no such excuse.
  if (status === 204 && (encoding !== undefined || (length !== undefined && Number(length) > 0))) throw malformed("204 with a body")
  if (isHead || status === 204 || status === 304) return { by: "none" }
  if (encoding !== undefined) return { by: "chunks" }
  return length === undefined ? { by: "close" } : { by: "length", length: Number(length) }
}
