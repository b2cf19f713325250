/** The same responses through `fetch` and through our own connections. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { live } from "../../../support/effectTest.ts"
import { rawServer, response } from "../../../support/rawServer.ts"
import { get, openPool, send } from "./openPool.ts"

const ok = "HTTP/1.1 200 OK\r\n"
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`

const valid: Record<string, string> = {
  "Content-Length": response('[{"a":1}]', "Content-Type: application/json\r\n"),
  "an empty body": response(""),
  "a large body": response("x".repeat(3_000_000)),
  "bytes that are no text": response("\0\xff\r\n\r\nHTTP/1.1"),
  chunks: `${chunked}5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n`,
  trailers: `${chunked}1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n`,
  "no chunk": `${chunked}0\r\n\r\n`,
  "the end of the connection": `${ok}Content-Type: text/csv\r\n\r\na,b\r\n`,
  "an interim response": `HTTP/1.1 100 Continue\r\n\r\n${response("a")}`,
  "no content": "HTTP/1.1 204 No Content\r\n\r\n",
  "not modified": 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
  "a redirect": response("", "Location: /login\r\n", "302 Found"),
  "an error": response('{"status":404}', "Content-Type: application/json\r\n", "404 Not Found"),
  "a pause": response("", "Retry-After: 7\r\n", "503 Service Unavailable"),
  "a status without a reason": "HTTP/1.1 500 \r\nContent-Length: 4\r\n\r\noops",
  "fields in another spelling": `${ok}CONTENT-LENGTH:1\r\ncontent-TYPE:   a/b  \r\n\r\na`,
  "a repeated field": response("a", "X-A: 1\r\nx-a: 2\r\n"),
  "HTTP/1.0": "HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\nold"
}

const names = ["content-type", "location", "retry-after", "etag", "x-a"]

const viaFetch = async (url: string) => {
  const received = await fetch(url, { redirect: "manual" })
  const fields = names.map((name) => received.headers.get(name))
  return { status: received.status, fields, body: Buffer.from(await received.arrayBuffer()) }
}

for (const [name, text] of Object.entries(valid))
  live(`${name}: both have the same response`, () =>
    Effect.gen(function* () {
      const { port } = yield* rawServer({
        onRequest: (one) => {
          one.write(text)
          if (!/content-length|chunked|HTTP\/1.1 (204|304)/i.test(text)) one.end()
        }
      })
      const pool = yield* openPool({ port })
      for (let i = 0; i < 2; i++) {
        const expected = yield* Effect.promise(() => viaFetch(`http://127.0.0.1:${port}/thing`))
        const { body: parts, fields, status } = yield* Effect.promise(() => send(pool, get).response)
        const body = yield* Effect.promise(() => parts.readAll())
        expect({ status, fields: names.map((field) => fields.get(field) ?? null), length: body.length }).toEqual({
          ...expected,
          length: expected.body.length,
          body: undefined
        } as never)
        expect(body.equals(expected.body)).toBe(true)
      }
    })
  )

const broken: Record<string, string> = {
  "nothing at all": "",
  "half a head": "HTTP/1.1 200 OK\r\nContent-Le",
  "half a body": `${ok}Content-Length: 100\r\n\r\n{`,
  "half of the chunks": `${chunked}5\r\nhello\r\n`,
  "half a chunk": `${chunked}5\r\nhel`,
  "another protocol": "SSH-2.0-OpenSSH_9.6\r\n"
}

for (const [name, text] of Object.entries(broken))
  live(`${name}: both fail`, () =>
    Effect.gen(function* () {
      const { port } = yield* rawServer({
        onRequest: (one) => {
          one.write(text)
          one.end()
        }
      })
      const pool = yield* openPool({ port })
      const failed = (run: () => Promise<unknown>) =>
        Effect.promise(() =>
          run().then(
            () => "a response",
            () => "failed"
          )
        )
      expect(yield* failed(() => viaFetch(`http://127.0.0.1:${port}/thing`))).toBe("failed")
      expect(yield* failed(async () => (await send(pool, get).response).body.readAll())).toBe("failed")
      expect(pool.counts.connections).toBe(0)
    })
  )
