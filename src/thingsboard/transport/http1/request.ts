/** A request as bytes (RFC 9112, 3). */
import { Redacted } from "effect"
import { toUrlHost } from "../../../platform/addresses.ts"
import type { Destination } from "../../../platform/ClientSocket.ts"
import { ExchangeFailure } from "./ExchangeFailure.ts"

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE"
  /** The path with its query, as it is sent: visible ASCII. */
  readonly target: string
  /** By lower-case name. `host`, `content-length` and the headers of the pool are added. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array | undefined
  /** Whether carrying it out twice does no harm. */
  readonly isRepeatable: boolean
  /** Bytes of the response's body. */
  readonly maxBody?: number
}

/** Visible ASCII without what RFC 3986 does not allow in a path or a query: ThingsBoard's Tomcat rejects that. */
const target = /^\/[!$-;=?-Z_a-z~]*$/
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const notInValue = /[^\t\x20-\x7e\x80-\xff]/

const ownFields = new Set(["host", "content-length", "transfer-encoding", "connection"])

/** Bodies up to this size are sent in one piece with the fields. */
const maxJoined = 64 * 1024

/** Nothing that a field contains can add another field or request. */
const fieldLine = (name: string, value: string): string => {
  if (!fieldName.test(name) || notInValue.test(value)) throw new ExchangeFailure("malformed", "invalid field of a request", false)
  return `${name}: ${value}\r\n`
}

/** What all requests to one server have in common. */
export interface RequestFrame {
  /** Before the path: `http://host:port` for a proxy that is sent the requests, otherwise nothing. */
  readonly origin: string
  readonly fields: string
}

export const makeFrame = ({ hostname, port, proxy, tls }: Destination, headers: Readonly<Record<string, string>>): RequestFrame => {
  const name = toUrlHost(hostname)
  const host = port === (tls === undefined ? 80 : 443) ? name : `${name}:${port}`
  const receiver = tls === undefined ? proxy : undefined
  const authorization = receiver?.authorization
  const all = {
    host,
    ...headers,
    ...(authorization === undefined ? {} : { "proxy-authorization": Redacted.value(authorization) })
  }
  return {
    origin: receiver === undefined ? "" : `http://${host}`,
    fields: Object.entries(all).reduce((text, [field, value]) => text + fieldLine(field, value), "")
  }
}

export const serialize = ({ body, headers, method, target: path }: HttpRequest, frame: RequestFrame): ReadonlyArray<Buffer> => {
  if (!target.test(path)) throw new ExchangeFailure("malformed", "invalid target of a request", false)
  let head = `${method} ${frame.origin}${path} HTTP/1.1\r\n${frame.fields}`
  for (const name in headers) {
    if (ownFields.has(name)) throw new ExchangeFailure("malformed", "invalid field of a request", false)
    head += fieldLine(name, headers[name]!)
  }
  const bytes =
    body === undefined
      ? undefined
      : typeof body === "string"
        ? Buffer.from(body)
        : Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (bytes !== undefined || method === "POST" || method === "PUT") head += `content-length: ${bytes?.length ?? 0}\r\n`
  const first = Buffer.from(`${head}\r\n`, "latin1")
  if (bytes === undefined || bytes.length === 0) return [first]
  return bytes.length <= maxJoined ? [Buffer.concat([first, bytes])] : [first, bytes]
}
