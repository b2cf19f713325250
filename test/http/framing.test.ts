/** Request smuggling: a request whose end a proxy could place elsewhere is rejected. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"

const post = (...headers: ReadonlyArray<string>) => ["POST /health HTTP/1.1", "Host: gateway", ...headers, "\r\n"].join("\r\n")
const smuggled = "GET /nothing/smuggled HTTP/1.1\r\nHost: gateway\r\n\r\n"
const noChunks = "0\r\n\r\n"

const refused: Readonly<Record<string, string>> = {
  "a length and chunks": post("Content-Length: 5", "Transfer-Encoding: chunked") + noChunks + smuggled,
  "chunks beside a length": post("Transfer-Encoding: chunked", "Content-Length: 5") + noChunks + smuggled,
  "two lengths": post("Content-Length: 5", "Content-Length: 60") + "hello" + smuggled,
  "a list of lengths": post("Content-Length: 5, 60") + "hello" + smuggled,
  "a length with a sign": post("Content-Length: +5") + "hello" + smuggled,
  "a negative length": post("Content-Length: -5") + "hello" + smuggled,
  "a hexadecimal length": post("Content-Length: 0x5") + "hello" + smuggled,
  "a length that overflows": post("Content-Length: 99999999999999999999999") + "hello" + smuggled,
  "a blank before the colon": post("Content-Length : 5") + "hello" + smuggled,
  "an unknown encoding": post("Transfer-Encoding: xchunked") + noChunks + smuggled,
  "an encoding after chunked": post("Transfer-Encoding: chunked, identity") + noChunks + smuggled,
  "two encodings": post("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + noChunks + smuggled,
  "an encoding after a control character": post("Transfer-Encoding: \u000bchunked") + noChunks + smuggled,
  "a folded header": post("X-A: b", " c", "Content-Length: 0") + smuggled,
  "line feeds alone": "GET /health HTTP/1.1\nHost: gateway\n\n" + smuggled,
  "no host": "GET /health HTTP/1.1\r\n\r\n" + smuggled
}

live("a request with an ambiguous length is rejected, and its connection is closed", () =>
  Effect.gen(function* () {
    const { url } = yield* gateway()
    for (const [what, bytes] of Object.entries(refused)) {
      const { closed, text } = yield* sendRaw(url, bytes, { wait: 2000 })
      const statuses = parseResponses(text).map(({ status }) => status)
      expect([what, closed, statuses.length]).toEqual([what, true, 1])
      expect([400, 505]).toContain(statuses[0]!)
    }
  })
)

live("an invalid chunk closes the connection, and the bytes after it are not read as a request", () =>
  Effect.gen(function* () {
    const { url } = yield* gateway()
    for (const size of ["-5", "5;a\nb", "FFFFFFFFFFFFFFFFF", "0x5", ""]) {
      const { closed, text } = yield* sendRaw(url, `${post("Transfer-Encoding: chunked")}${size}\r\nhello\r\n0\r\n\r\n${smuggled}`, {
        wait: 2000
      })
      expect([size, closed, text.includes("smuggled")]).toEqual([size, true, false])
      expect(parseResponses(text).filter(({ status }) => status === 404)).toEqual([])
    }
  })
)

live("a body that the handler does not read is not read as the next request", () =>
  Effect.gen(function* () {
    const { url } = yield* gateway()
    const inner = smuggled
    const { text } = yield* sendRaw(
      url,
      [`${post(`Content-Length: ${inner.length}`)}${inner}GET /health HTTP/1.1\r\nHost: gateway\r\n\r\n`],
      {
        wait: 500
      }
    )
    expect(parseResponses(text).map(({ status }) => status)).toEqual([405, 200])
  })
)
