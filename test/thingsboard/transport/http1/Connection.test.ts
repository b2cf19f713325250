/** What happens on one connection: cancelling, slow readers and writers, addresses, certificates. */
import { describe, expect } from "bun:test"
import { Effect, Redacted } from "effect"
import type { HttpRequest } from "../../../../src/thingsboard/transport/http1/request.ts"
import { certificateAuthority } from "../../../support/certificates.ts"
import { live, until } from "../../../support/effectTest.ts"
import { type RawConnection, rawServer, response } from "../../../support/rawServer.ts"
import { exchange, get, send, openPool, post } from "./openPool.ts"

const MiB = 1024 * 1024

describe("cancelling", () => {
  live("closes the connection at once, before or within the response", () =>
    Effect.gen(function* () {
      const closed: Array<number> = []
      const { connections, port } = yield* rawServer({
        onRequest: (one) => {
          if (one.number === 2) one.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
        },
        onClose: ({ number }) => closed.push(number)
      })
      const pool = yield* openPool({ port })
      const first = send(pool, get)
      yield* until(() => connections[0]?.requests === 1)
      first.cancel()
      yield* until(() => closed.length === 1)

      const second = send(pool, get)
      const head = yield* Effect.promise(() => second.response)
      second.cancel()
      yield* until(() => closed.length === 2)
      expect(yield* Effect.promise(() => head.body.readAll().catch(({ kind }) => kind))).toBe("cancelled")
      expect(pool.counts).toEqual({ connections: 0, idle: 0 })
    })
  )

  live("before there is a connection sends nothing", () =>
    Effect.gen(function* () {
      let closed = 0
      const { connections, port } = yield* rawServer({ onClose: () => closed++ })
      const pool = yield* openPool({ port })
      send(pool, get).cancel()
      // The next one proves that the server has had time to see the first.
      const next = send(pool, get)
      yield* until(() => connections.some(({ requests }) => requests === 1))
      next.cancel()
      yield* until(() => closed === connections.length)
      expect(connections.map(({ text }) => text).filter((text) => text !== "")).toHaveLength(1)
    })
  )

  live("after the response leaves the connection alone", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(response("a")) })
      const pool = yield* openPool({ port })
      const sent = send(pool, get)
      yield* Effect.promise(async () => (await sent.response).body.readAll())
      sent.cancel()
      expect(yield* exchange(pool)).toBe("200 a")
      expect(connections).toHaveLength(1)
    })
  )
})

describe("a large body", () => {
  live("is not read faster than it is wanted, and arrives whole", () =>
    Effect.gen(function* () {
      const size = 64 * MiB
      const sent = { bytes: 0 }
      const chunk = new Uint8Array(64 * 1024).fill(120)
      const server = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.listen({
            hostname: "127.0.0.1",
            port: 0,
            socket: {
              data: (socket) => {
                socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
                pump(socket)
              },
              drain: (socket) => pump(socket)
            }
          })
        ),
        (one) => Effect.sync(() => one.stop(true))
      )
      const pump = (socket: Bun.Socket) => {
        while (sent.bytes < size) {
          const written = socket.write(chunk.subarray(0, Math.min(chunk.length, size - sent.bytes)))
          sent.bytes += Math.max(0, written)
          if (written < chunk.length) return
        }
      }
      const pool = yield* openPool({ port: server.port })
      const { body, length } = yield* Effect.promise(() => send(pool, get).response)
      expect(length).toBe(size)
      const first = yield* Effect.promise(() => body.read())
      // The kernel's buffers fill up, and then nothing moves.
      let [before, unchanged] = [-1, 0]
      yield* until(() => {
        unchanged = sent.bytes === before ? unchanged + 1 : 0
        before = sent.bytes
        return unchanged > 2000
      })
      expect(sent.bytes).toBeLessThan(size / 2)
      const rest = yield* Effect.promise(() => body.readAll())
      expect(first!.length + rest.length).toBe(size)
      expect(pool.counts).toEqual({ connections: 1, idle: 1 })
    })
  )

  live("of many tiny chunks takes about its size in memory", () =>
    Effect.gen(function* () {
      const { port } = yield* rawServer({
        onRequest: (one) => one.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\na\r\n".repeat(100_000)}0\r\n\r\n`)
      })
      const pool = yield* openPool({ port })
      const { body } = yield* Effect.promise(() => send(pool, get).response)
      let [parts, size] = [0, 0]
      for (;;) {
        const part = yield* Effect.promise(() => body.read())
        if (part === undefined) break
        parts++
        size += part.length
      }
      expect(size).toBe(100_000)
      expect(parts).toBeLessThan(1000)
    })
  )

  live("of a request is written as fast as the server reads it", () =>
    Effect.gen(function* () {
      const body = Buffer.alloc(16 * MiB, "0123456789abcdef")
      const upstream = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.serve({
            port: 0,
            hostname: "127.0.0.1",
            fetch: async (request) => new Response(Bun.hash(await request.arrayBuffer()).toString())
          })
        ),
        (one) => Effect.promise(() => one.stop(true))
      )
      const pool = yield* openPool({ port: upstream.port! })
      for (let i = 0; i < 2; i++) expect(yield* exchange(pool, { ...post, body })).toBe(`200 ${Bun.hash(body)}`)
      expect(yield* exchange(pool, { ...post, body: "ä" })).toBe(`200 ${Bun.hash("ä")}`)
      expect(yield* exchange(pool, { ...post, body: "" })).toBe(`200 ${Bun.hash("")}`)
    })
  )

  live("of a request that the server does not want to read to its end", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({
        onRequest: (one) => one.requests === 1 && one.write(response("", "", "413 Payload Too Large"))
      })
      const pool = yield* openPool({ port })
      expect(yield* exchange(pool, { ...post, isRepeatable: true, body: Buffer.alloc(64 * MiB, "x") })).toBe("413 ")
      expect(pool.counts).toEqual({ connections: 0, idle: 0 })
      expect(connections).toHaveLength(1)
    })
  )

  live("above the limit is not read to its end", () =>
    Effect.gen(function* () {
      const { port } = yield* rawServer({ onRequest: (one) => one.write(response("x".repeat(2000))) })
      expect(yield* exchange(yield* openPool({ port }), { ...get, maxBody: 1999 })).toBe("tooLarge: body too large")
    })
  )
})

describe("an address", () => {
  live("can be IPv6, or a name of which only one address listens", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({ hostname: "::1", onRequest: (one) => one.write(response("a")) })
      expect(yield* exchange(yield* openPool({ hostname: "::1", port }))).toBe("200 a")
      expect(connections[0]!.text).toContain(`host: [::1]:${port}\r\n`)
      expect(yield* exchange(yield* openPool({ hostname: "localhost", port }))).toBe("200 a")
    })
  )

  live("that does not exist, or where nobody listens", () =>
    Effect.gen(function* () {
      expect(yield* exchange(yield* openPool({ hostname: "nothing.invalid", port: 80 }))).toBe("unresolved: connection unresolved (unsent)")
      expect(yield* exchange(yield* openPool({ port: 1 }), post)).toBe("refused: connection refused (unsent)")
    })
  )
})

describe("a certificate", () => {
  live("must come from the given authority and name the host; otherwise nothing is sent", () =>
    Effect.gen(function* () {
      const [ours, other] = [yield* certificateAuthority(), yield* certificateAuthority()]
      const tls = yield* ours.issue("thingsboard")
      const { connections, port } = yield* rawServer({ hostname: "0.0.0.0", tls, onRequest: (one) => one.write(response("a")) })
      const outcome = (hostname: string, authorities?: string) =>
        Effect.flatMap(openPool({ hostname, port, tls: { authorities } }), (pool) => exchange(pool))
      const untrusted = "certificate: connection certificate (unsent)"
      expect(yield* outcome("localhost")).toBe(untrusted)
      expect(yield* outcome("localhost", other.certificate)).toBe(untrusted)
      // The certificate is for localhost and 127.0.0.1.
      expect(yield* outcome("127.0.0.2", ours.certificate)).toBe(untrusted)
      expect(connections.map(({ text }) => text).join("")).toBe("")
      expect(yield* outcome("localhost", `${other.certificate}\n${ours.certificate}`)).toBe("200 a")
      expect(yield* outcome("127.0.0.1", ours.certificate)).toBe("200 a")
    })
  )

  live("of a server that breaks off, or that does not speak TLS", () =>
    Effect.gen(function* () {
      const { certificate } = yield* certificateAuthority()
      for (const onOpen of [
        (one: { reset: () => void }) => one.reset(),
        (one: { write: (text: string) => void }) => one.write(response("a"))
      ]) {
        const { port } = yield* rawServer({ onOpen })
        const pool = yield* openPool({ hostname: "localhost", port, tls: { authorities: certificate } })
        expect(yield* exchange(pool)).toBe("broken: connection broken (unsent)")
      }
    })
  )
})

describe("a proxy", () => {
  const authorization = Redacted.make("Basic dTpw")

  /** Passes bytes on between its clients and one port, once it has been asked to. */
  const tunnelTo = (port: number, answer = "HTTP/1.1 200 Connection established\r\n\r\n") =>
    Effect.gen(function* () {
      const upstreams = new Map<RawConnection, Bun.Socket>()
      let asked = ""
      const proxy = yield* rawServer({
        onRequest: (one) => {
          asked = one.text
          void Bun.connect({
            hostname: "127.0.0.1",
            port,
            socket: { open: (socket) => void upstreams.set(one, socket), data: (_, bytes) => one.write(bytes), close: () => one.end() }
          }).then(() => one.write(answer))
        },
        onData: (one, bytes) => upstreams.get(one)?.write(bytes)
      })
      return { port: proxy.port, asked: () => asked }
    })

  live("passes on what is encrypted, and the certificate is checked as without it", () =>
    Effect.gen(function* () {
      const ours = yield* certificateAuthority()
      const tls = yield* ours.issue("thingsboard")
      const { connections, port } = yield* rawServer({ tls, onRequest: (one) => one.write(response("a")) })
      const { asked, port: proxyPort } = yield* tunnelTo(port)
      const open = (hostname: string) =>
        openPool({
          hostname,
          port,
          tls: { authorities: ours.certificate },
          proxy: { hostname: "127.0.0.1", port: proxyPort, authorization }
        })
      const pool = yield* open("localhost")
      for (let i = 0; i < 3; i++) expect(yield* exchange(pool)).toBe("200 a")
      expect(connections).toHaveLength(1)
      expect(asked()).toBe(`CONNECT localhost:${port} HTTP/1.1\r\nhost: localhost:${port}\r\nproxy-authorization: Basic dTpw\r\n\r\n`)
      expect(connections[0]!.text).not.toContain("dTpw")
      expect(yield* exchange(yield* open("other.example"))).toBe("certificate: connection certificate (unsent)")
    })
  )

  live("that refuses, or sends more than its response, is a refused connection, and nothing is sent", () =>
    Effect.gen(function* () {
      const { certificate } = yield* certificateAuthority()
      for (const answer of ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nx", "garbage\r\n\r\n"]) {
        const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(answer) })
        const pool = yield* openPool({
          port: 443,
          tls: { authorities: certificate },
          proxy: { hostname: "127.0.0.1", port, authorization: undefined }
        })
        expect(yield* exchange(pool)).toBe("refused: connection refused (unsent)")
        expect(connections.map(({ requests }) => requests)).toEqual([1])
      }
    })
  )

  live("is sent requests that are not encrypted, with the whole URL", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(response("a")) })
      const pool = yield* openPool({ hostname: "thingsboard.example", port: 8080, proxy: { hostname: "127.0.0.1", port, authorization } })
      expect(yield* exchange(pool)).toBe("200 a")
      expect(connections[0]!.text).toBe(
        "GET http://thingsboard.example:8080/thing HTTP/1.1\r\nhost: thingsboard.example:8080\r\nproxy-authorization: Basic dTpw\r\n\r\n"
      )
    })
  )
})

describe("a request", () => {
  live("cannot contain another one", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(response("a")) })
      const pool = yield* openPool({ port })
      const targets = ["/a b", "/a\r\nX: 1", "a", "", "/ä", "http://elsewhere/"]
      const values = ["a\r\nX: 1", "a\nb", "\0", "é€"]
      const names = ["x y", "X", "", "x:", "host", "content-length", "transfer-encoding", "connection"]
      const requests: ReadonlyArray<Partial<HttpRequest>> = [
        ...targets.map((target) => ({ target })),
        ...values.map((x) => ({ headers: { x } })),
        ...names.map((name) => ({ headers: { [name]: "1" } }))
      ]
      for (const request of requests) expect(() => send(pool, { ...get, ...request })).toThrow(/invalid/)
      expect(pool.counts.connections).toBe(0)
      expect(connections).toHaveLength(0)
    })
  )
})
