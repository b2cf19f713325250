/** Request smuggling: a request whose end a proxy could place elsewhere is rejected. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { parseResponses, sendRaw } from "../support/rawHttp.ts"

const post = (...headers: ReadonlyArray<string>) => ["POST /health HTTP/1.1", "Host: gateway", ...headers, "\r\n"].join("\r\n")
const get = (...headers: ReadonlyArray<string>) => post(...headers).replace("POST", "GET")
const preflight = (...headers: ReadonlyArray<string>) =>
  post("Origin: https://app.example.com", "Access-Control-Request-Method: GET", ...headers).replace("POST", "OPTIONS")
const smuggled = "GET /nothing/smuggled HTTP/1.1\r\nHost: gateway\r\n\r\n"
const noChunks = "0\r\n\r\n"

const refused: Readonly<Record<string, string>> = {
  "a length and chunks": post("Content-Length: 5", "Transfer-Encoding: chunked") + noChunks + smuggled,
  "chunks beside a length": post("Transfer-Encoding: chunked", "Content-Length: 5") + noChunks + smuggled,
  "two lengths": post("Content-Length: 5", "Content-Length: 60") + "hello" + smuggled,
  "two equal lengths": post("Content-Length: 5", "Content-Length: 5") + "hello" + smuggled,
  "two equal lengths in other letters, apart": post("Content-Length: 5", "X-A: b", "content-length: 5") + "hello" + smuggled,
  "three equal lengths": post("Content-Length: 5", "Content-Length: 5", "Content-Length: 5") + "hello" + smuggled,
  "two lengths of zero": post("Content-Length: 0", "Content-Length: 0") + smuggled,
  "two equal lengths of a request without a body": get("Content-Length: 0", "Content-Length: 0") + smuggled,
  "two equal lengths of a preflight": preflight("Content-Length: 0", "Content-Length: 0") + smuggled,
  "an empty length": post("Content-Length: ") + "hello" + smuggled,
  "an empty length and another": post("Content-Length: ", "Content-Length: 5") + "hello" + smuggled,
  "a list of equal lengths": post("Content-Length: 5, 5") + "hello" + smuggled,
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
  "two equal encodings": post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + noChunks + smuggled,
  "an encoding before chunked": post("Transfer-Encoding: gzip, chunked") + noChunks + smuggled,
  "an encoding beside a length": post("Transfer-Encoding: identity", "Content-Length: 5") + "hello" + smuggled,
  "an empty encoding": post("Transfer-Encoding: ", "Content-Length: 5") + "hello" + smuggled,
  "chunks in HTTP/1.0": post("Transfer-Encoding: chunked").replace("HTTP/1.1", "HTTP/1.0") + noChunks + smuggled,
  "another version": post("Content-Length: 0").replace("HTTP/1.1", "HTTP/1.2") + smuggled,
  "another major version": post("Content-Length: 0").replace("HTTP/1.1", "HTTP/2.0") + smuggled,
  "a line feed alone in the headers": post("X-A: b\nContent-Length: 5") + "hello" + smuggled,
  "a carriage return alone in the headers": post("X-A: b\rContent-Length: 5") + "hello" + smuggled,
  "a NUL in a header": post("X-A: b\0c", "Content-Length: 0") + smuggled,
  "a blank before the first header": "GET /health HTTP/1.1\r\n Host: gateway\r\n\r\n" + smuggled,
  "a blank before the colon of Host": "GET /health HTTP/1.1\r\nHost : gateway\r\n\r\n" + smuggled,
  "no header that is one": "GET /health HTTP/1.1\r\nHost: gateway\r\nContent-Length\r\n\r\n" + smuggled,
  "the whole server as its target": "GET * HTTP/1.1\r\nHost: gateway\r\n\r\n" + smuggled,
  "no path as its target": "GET health HTTP/1.1\r\nHost: gateway\r\n\r\n" + smuggled,
  "another scheme as its target": "GET ftp://gateway/health HTTP/1.1\r\nHost: gateway\r\n\r\n" + smuggled,
  "a folded header": post("X-A: b", " c", "Content-Length: 0") + smuggled,
  "line feeds alone": "GET /health HTTP/1.1\nHost: gateway\n\n" + smuggled,
  "no host": "GET /health HTTP/1.1\r\n\r\n" + smuggled
}

live("a request with an ambiguous length is rejected, and its connection is closed", () =>
  Effect.gen(function* () {
    const { url } = yield* gateway({ settings: { backendCorsOrigins: ["https://app.example.com"] } })
    for (const [what, bytes] of Object.entries(refused)) {
      const { closed, text } = yield* sendRaw(url, bytes, { wait: 10_000 })
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
        wait: 10_000
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
      { responses: 2, wait: 10_000 }
    )
    expect(parseResponses(text).map(({ status }) => status)).toEqual([405, 200])
  })
)

live("a repeated length is logged, and its response names the header", () =>
  Effect.gen(function* () {
    const { records, url } = yield* gateway()
    const { text } = yield* sendRaw(url, `${post("Content-Length: 5", "Content-Length: 5")}hello`, { wait: 10_000 })
    const [response] = parseResponses(text)
    expect([response!.status, JSON.parse(response!.body).details.errors]).toEqual([
      400,
      [{ field: "header.content-length", issue: "Expected one length" }]
    ])
    expect(records.find(({ message }) => message === "Security event: 400")).toMatchObject({ reason: "repeated_length", status: 400 })
  })
)

live("fields after a chunked body have no effect, and the bytes after them are not read as a request", () =>
  Effect.gen(function* () {
    const { url } = yield* gateway()
    for (const trailer of [`X-API-Key: ${canaries.apiKey}`, "Host: other", "Content-Length: 5", "Transfer-Encoding: chunked"]) {
      const head = `POST /api/v1/tb/telemetry/latest HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nTrailer: ${trailer.split(":")[0]}`
      const { text } = yield* sendRaw(url, `${head}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${trailer}\r\n\r\n${smuggled}`, {
        wait: 10_000
      })
      expect(parseResponses(text).map(({ status }) => status)).not.toContain(404)
      expect(parseResponses(text)[0]!.status).toBe(401)
    }
  })
)

live("headers about the connection change neither the protocol nor which other headers count", () =>
  Effect.gen(function* () {
    const { url } = yield* gateway()
    const one = { responses: 1, wait: 10_000 }
    const devices = (...headers: ReadonlyArray<string>) =>
      sendRaw(
        url,
        ["GET /api/v1/tb/devices HTTP/1.1", "Host: gateway", `X-API-Key: ${canaries.apiKey}`, ...headers, "\r\n"].join("\r\n"),
        one
      )
    const headers = [
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
      ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"],
      ["Connection: close, X-API-Key"],
      ["Connection: Host"],
      ["TE: trailers"],
      ["Expect: nothing-known"]
    ]
    for (const more of headers) {
      const { text } = yield* devices(...more)
      expect([more, parseResponses(text).map(({ status }) => status)]).toEqual([more, [200]])
    }
    // What a proxy may not forward is taken as sent, so a missing key stays missing.
    const { text } = yield* sendRaw(url, "GET /api/v1/tb/devices HTTP/1.1\r\nHost: gateway\r\nConnection: X-API-Key\r\n\r\n", one)
    expect(parseResponses(text)[0]!.status).toBe(401)
  })
)
