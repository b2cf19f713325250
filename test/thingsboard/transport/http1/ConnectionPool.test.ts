/** Connections that are used again, and what callers see of those that the server closes. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { Connect } from "../../../../src/platform/ClientSocket.ts"
import { live, until } from "../../../support/effectTest.ts"
import { rawServer, response } from "../../../support/rawServer.ts"
import { exchange, get, send, openPool, post } from "./openPool.ts"

describe("a connection", () => {
  live("is used for one exchange after the other", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(response(String(one.requests))) })
      const pool = yield* openPool({ port })
      for (let i = 1; i <= 50; i++) expect(yield* exchange(pool)).toBe(`200 ${i}`)
      expect(connections).toHaveLength(1)
      expect(pool.counts).toEqual({ connections: 1, idle: 1 })
      expect(connections[0]!.text.split("\r\n\r\n")[0]).toBe(`GET /thing HTTP/1.1\r\nhost: 127.0.0.1:${port}`)
    })
  )

  live("carries one exchange at a time", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({})
      const pool = yield* openPool({ port })
      const sent = [1, 2, 3].map(() => send(pool, get))
      yield* until(() => connections.length === 3 && connections.every(({ requests }) => requests === 1))
      for (const one of connections.toReversed()) one.write(response(String(one.number)))
      const answers = yield* Effect.promise(() =>
        Promise.all(sent.map(async (one) => (await (await one.response).body.readAll()).toString()))
      )
      expect(answers.toSorted()).toEqual(["1", "2", "3"])
      expect(pool.counts).toEqual({ connections: 3, idle: 3 })
    })
  )

  live("is not used again if the response says so, or if it ends with the connection", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({
        onRequest: (one) => {
          one.write(one.number === 1 ? response("a", "Connection: close\r\n") : "HTTP/1.1 200 OK\r\n\r\na")
          if (one.number > 1) one.end()
        }
      })
      const pool = yield* openPool({ port })
      for (let i = 0; i < 3; i++) expect(yield* exchange(pool)).toBe("200 a")
      expect(connections).toHaveLength(3)
      expect(pool.counts).toEqual({ connections: 0, idle: 0 })
    })
  )

  live("is closed when it was idle for too long, or as long as the server keeps it", () =>
    Effect.gen(function* () {
      let now = 0
      let fields = ""
      const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(response("a", fields)) })
      const pool = yield* openPool({ port }, { now: () => now, maxIdleMillis: 10_000 })
      yield* exchange(pool)
      now = 9_999
      yield* exchange(pool)
      expect(connections).toHaveLength(1)
      now += 10_000
      fields = "Keep-Alive: timeout=5, max=100\r\n"
      yield* exchange(pool)
      now += 4000
      yield* exchange(pool)
      expect(connections).toHaveLength(3)
      expect(pool.counts).toEqual({ connections: 1, idle: 1 })
    })
  )

  live("is closed by a timer, without another call", () =>
    Effect.gen(function* () {
      let closed = 0
      const { port } = yield* rawServer({ onRequest: (one) => one.write(response("a")), onClose: () => closed++ })
      const pool = yield* openPool({ port }, { maxIdleMillis: 20 })
      yield* exchange(pool)
      yield* until(() => closed === 1)
      expect(pool.counts).toEqual({ connections: 0, idle: 0 })
    })
  )

  live("is closed when the server sends something that nobody has asked for", () =>
    Effect.gen(function* () {
      let closed = 0
      const { connections, port } = yield* rawServer({ onRequest: (one) => one.write(response("good")), onClose: () => closed++ })
      const pool = yield* openPool({ port })
      yield* exchange(pool)
      connections[0]!.write(response("bad"))
      yield* until(() => closed === 1)
      expect(yield* exchange(pool)).toBe("200 good")
      expect(connections).toHaveLength(2)
    })
  )

  live("is closed when more are idle than allowed", () =>
    Effect.gen(function* () {
      const { port } = yield* rawServer({ onRequest: (one) => one.write(response("a")) })
      const pool = yield* openPool({ port }, { maxIdle: 2 })
      yield* Effect.all(
        Array.from({ length: 5 }, () => exchange(pool)),
        { concurrency: 5 }
      )
      expect(pool.counts).toEqual({ connections: 2, idle: 2 })
    })
  )
})

describe("a connection that the server closes", () => {
  live("while it is idle is not visible", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({
        onRequest: (one) => {
          one.write(response("a"))
          one.end()
        }
      })
      const pool = yield* openPool({ port })
      for (let i = 0; i < 30; i++) expect(yield* exchange(pool, i % 2 === 0 ? get : post)).toBe("200 a")
      expect(connections.length).toBeGreaterThanOrEqual(30)
    })
  )

  for (const how of ["reset", "end"] as const)
    live(`at its hundredth request (${how}) is not visible to reads, and never used for other writes`, () =>
      Effect.gen(function* () {
        const { connections, port } = yield* rawServer({
          onRequest: (one) => (one.requests >= 100 ? one[how]() : one.write(response("a")))
        })
        const pool = yield* openPool({ port })
        for (let i = 0; i < 350; i++) expect(yield* exchange(pool)).toBe("200 a")
        for (let i = 0; i < 10; i++) expect(yield* exchange(pool, post)).toBe("200 a")
        expect(connections.filter(({ text }) => text.includes("POST ")).every(({ text }) => text.startsWith("POST "))).toBe(true)
        expect(connections.length).toBeLessThan(20)
      })
    )

  live("with a 408 for an idle connection is not visible", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({
        onRequest: (one) => one.write(one.requests === 1 ? response("a") : response("", "Connection: close\r\n", "408 Request Timeout"))
      })
      const pool = yield* openPool({ port })
      for (let i = 0; i < 3; i++) expect(yield* exchange(pool)).toBe("200 a")
      expect(connections).toHaveLength(3)
    })
  )

  live("is an error on its first request, and after the head of a response", () =>
    Effect.gen(function* () {
      const { connections, port } = yield* rawServer({
        onRequest: (one) => {
          if (one.number > 1 && one.requests === 1) return one.write(response("a"))
          if (one.requests === 2) one.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal")
          one.end()
        }
      })
      const pool = yield* openPool({ port })
      expect(yield* exchange(pool)).toBe("broken: truncated response")
      expect(connections).toHaveLength(1)
      expect(yield* exchange(pool)).toBe("200 a")
      expect(yield* exchange(pool)).toBe("broken: truncated response")
      expect(connections).toHaveLength(2)
    })
  )
})

describe("a response", () => {
  live("that breaks a rule closes the connection, and is not asked for again", () =>
    Effect.gen(function* () {
      let closed = 0
      const { connections, port } = yield* rawServer({
        onRequest: (one) => one.write(one.requests === 1 ? response("a") : `${response("a")}more`),
        onClose: () => closed++
      })
      const pool = yield* openPool({ port })
      expect(yield* exchange(pool)).toBe("200 a")
      expect(yield* exchange(pool)).toBe("malformed: bytes after the response")
      yield* until(() => closed === 1)
      expect(connections).toHaveLength(1)
    })
  )

  live("before its request fails, and is not taken for the response", () =>
    Effect.gen(function* () {
      const connect: Connect = (_, events) => {
        queueMicrotask(() => {
          events.onOpen()
          events.onData(Buffer.from(response("a")))
        })
        // The system accepts nothing yet.
        return { write: () => 0, pause: () => {}, resume: () => {}, destroy: () => {} }
      }
      expect(yield* exchange(yield* openPool({ port: 1 }, { connect }))).toBe("malformed: response before its request (unsent)")
    })
  )
})
