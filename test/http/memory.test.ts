/**
 * The memory of a gateway in its own process, in front of a ThingsBoard with values of a megabyte, while one client does its worst. Prints
 * what it measured; docs/operating.md has the figures.
 */
import { describe, expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { connect, type Socket } from "node:net"
import { live } from "../support/effectTest.ts"
import { deviceId } from "../support/largeThingsBoard.ts"
import { canaries } from "../support/leaks/canaries.ts"
import { startProgram } from "../support/program.ts"

const MB = 1_000_000
const tb = "/api/v1/tb"
const telemetry = `${tb}/devices/${deviceId}/telemetry`
const query = JSON.stringify({ keys: ["a"], start_ts: 0, end_ts: 1000, limit: 100 })
const headers = { "x-api-key": canaries.apiKey, "content-type": "application/json" }
const largeThingsBoard = new URL("../support/largeThingsBoard.ts", import.meta.url).pathname

const open = Effect.fnUntraced(function* (maxMemory: string) {
  const upstream = yield* startProgram([], {}, {}, [process.execPath, largeThingsBoard])
  const [tbHost] = yield* upstream.waitForOutput(/http:\/\/127\.0\.0\.1:\d+/)
  const program = yield* startProgram(["serve", "--port", "0"], {
    TB_HOST: tbHost,
    TB_USERNAME: canaries.username,
    TB_PASSWORD: canaries.password,
    API_KEY: canaries.apiKey,
    HOST: "127.0.0.1",
    RATE_LIMIT_REQUESTS: "1000000",
    MAX_CONCURRENT_REQUESTS: "1000",
    MAX_MEMORY: maxMemory
  })
  const [, url] = yield* program.waitForOutput(/listens on (https?:\/\/[\d.:]+)/)
  /** Peak of the resident set size since the start, in MB. */
  const peak = Effect.promise(async () => {
    const status = await Bun.file(`/proc/${program.pid}/status`).text()
    return Math.round((Number(/VmHWM:\s+(\d+)/.exec(status)![1]) * 1024) / MB)
  })
  const call = (path: string, init: RequestInit = {}) =>
    Effect.promise(async () => {
      const response = await fetch(url + path, { ...init, headers })
      let size = 0
      for await (const chunk of response.body ?? []) size += chunk.length
      return { status: response.status, retryAfter: response.headers.get("retry-after"), size }
    })
  const isHealthy = Effect.map(call("/health"), ({ status }) => expect(status).toBe(200))
  /** Serves requests that take memory again. */
  const hasRecovered = call(`${telemetry}/query`, { method: "POST", body: query }).pipe(
    Effect.repeat({ schedule: Schedule.spaced("200 millis"), until: ({ status }) => status === 200, times: 100 }),
    Effect.map(({ status }) => expect(status).toBe(200))
  )
  return { url: url!, call, peak, isHealthy, hasRecovered, output: program.output }
})

const request = (path: string, length: number, body: string | Buffer): ReadonlyArray<string | Buffer> => [
  `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${canaries.apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
  body
]

interface Client {
  readonly socket: Socket
  readonly status: () => string | undefined
}

/** Sends requests over sockets of their own, which stay open until the scope closes. */
const sendAll = (url: string, count: number, parts: ReadonlyArray<string | Buffer>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Array.from({ length: count }, (): Client => {
        const { hostname, port } = new URL(url)
        const socket = connect(Number(port), hostname)
        let text = ""
        socket.on("error", () => {})
        socket.on("data", (data) => (text = text === "" ? data.toString("latin1", 0, 12) : text))
        for (const part of parts) socket.write(part)
        return { socket, status: () => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] }
      })
    ),
    (clients) => Effect.sync(() => clients.forEach(({ socket }) => socket.destroy()))
  )

const untilRejected = (clients: ReadonlyArray<Client>, count: number) =>
  Effect.sync(() => clients.filter(({ status }) => status() === "503").length).pipe(
    Effect.repeat({ schedule: Schedule.spaced("100 millis"), until: (rejected) => rejected > count, times: 300 })
  )

const report = (what: string, megabytes: number, max: number) => {
  console.log(`${what}: peak ${megabytes} MB`)
  expect([what, megabytes < max ? "bounded" : megabytes]).toEqual([what, "bounded"])
}

describe.skipIf(process.platform !== "linux")("with 1 GiB, one client takes little of it with", () => {
  live(
    "four queries over 60 points of a megabyte each, and the pages are cut",
    () =>
      Effect.gen(function* () {
        const { call, isHealthy, peak } = yield* open("1GiB")
        const pages = yield* Effect.all(
          Array.from({ length: 4 }, () => call(`${telemetry}/query`, { method: "POST", body: query })),
          { concurrency: 4 }
        )
        for (const { size, status } of pages) {
          expect(status).toBe(200)
          expect(size).toBeLessThan(18 * MB)
          expect(size).toBeGreaterThan(MB)
        }
        yield* isHealthy
        report("four queries", yield* peak, 500) // 1,259 MB before
      }),
    120_000
  )

  live(
    "twenty readers that take nothing of their pages",
    () =>
      Effect.gen(function* () {
        const { hasRecovered, isHealthy, peak, url } = yield* open("1GiB")
        yield* Effect.scoped(
          Effect.gen(function* () {
            const clients = yield* sendAll(url, 20, request(`${telemetry}/query`, query.length, query))
            for (const { socket } of clients) socket.pause()
            yield* Effect.sleep("6 seconds") // longer than a request waits for memory
            yield* isHealthy
          })
        )
        yield* hasRecovered
        report("twenty slow readers", yield* peak, 700) // 3,187 MB before, and more with more readers
      }),
    120_000
  )

  for (const [what, path] of [
    ["sixty unfinished uploads of 9 MB", telemetry],
    ["sixty unfinished queries of 9 MB", `${telemetry}/query`]
  ] as const)
    live(
      what,
      () =>
        Effect.gen(function* () {
          const { hasRecovered, isHealthy, peak, url } = yield* open("1GiB")
          yield* Effect.scoped(
            Effect.gen(function* () {
              const clients = yield* sendAll(url, 60, request(path, 9_500_000, Buffer.alloc(9_000_000, 32)))
              yield* untilRejected(clients, 40)
              const statuses = clients.map(({ status }) => status())
              // Some have their place; the others were told to come again.
              expect(statuses.filter((status) => status === "503").length).toBeGreaterThan(40)
              expect(statuses.filter((status) => status !== undefined && status !== "503")).toEqual([])
              yield* isHealthy
            })
          )
          yield* hasRecovered
          report(what, yield* peak, 450) // 627 MB before
        }),
      120_000
    )

  live(
    "twenty uploads of 9 MB at once, of which some are stored",
    () =>
      Effect.gen(function* () {
        const { call, hasRecovered, peak } = yield* open("1GiB")
        const body = `{"a":[${Array.from({ length: 280_000 }, (_, i) => `{"ts":${1_700_000_000_000 + i},"value":1}`).join(",")}]}`
        const uploads = yield* Effect.all(
          Array.from({ length: 20 }, () => call(telemetry, { method: "POST", body })),
          { concurrency: 20 }
        )
        const statuses = uploads.map(({ status }) => status)
        expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0)
        for (const { retryAfter, status } of uploads) if (status !== 201) expect([status, retryAfter]).toEqual([503, "5"])
        yield* hasRecovered
        report("twenty uploads", yield* peak, 700) // sixty of them took 6,080 MB before
      }),
    120_000
  )

  live(
    "a list of a gigabyte",
    () =>
      Effect.gen(function* () {
        const { call, hasRecovered, peak } = yield* open("1GiB")
        expect((yield* call(`${tb}/devices?page_size=1000`)).status).toBe(502)
        yield* hasRecovered
        report("a list of a gigabyte", yield* peak, 400) // 3,092 MB before
      }),
    120_000
  )

  live(
    "three exports of 120 MB, which are complete",
    () =>
      Effect.gen(function* () {
        const { call, peak } = yield* open("1GiB")
        const files = yield* Effect.all(
          Array.from({ length: 3 }, () => call(`${telemetry}?start_ts=0&end_ts=1000&keys=a,b&format=csv`)),
          { concurrency: 3 }
        )
        for (const { size, status } of files) expect([status, size]).toEqual([200, 125_830_194])
        report("three exports", yield* peak, 400) // 1,017 MB before
      }),
    120_000
  )
})

describe.skipIf(process.platform !== "linux")("with 512 MiB", () => {
  live(
    "a gateway survives all of it at once, stays within its memory, and serves again afterwards",
    () =>
      Effect.gen(function* () {
        const { call, hasRecovered, isHealthy, peak, url } = yield* open("512MiB")
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* sendAll(url, 60, request(telemetry, 9_500_000, Buffer.alloc(9_000_000, 32)))
            const readers = yield* sendAll(url, 20, request(`${telemetry}/query`, query.length, query))
            for (const { socket } of readers) socket.pause()
            const others = Array.from({ length: 10 }, (_, i) =>
              i % 2 === 0 ? call(`${tb}/devices?page_size=1000`) : call(`${telemetry}?start_ts=0&end_ts=1000&keys=a,b&format=csv`)
            )
            const statuses = (yield* Effect.all(others, { concurrency: 10 })).map(({ status }) => status)
            expect(statuses.filter((status) => ![200, 429, 502, 503, 504].includes(status))).toEqual([])
            yield* isHealthy
          })
        )
        yield* hasRecovered
        report("all at once with 512 MiB", yield* peak, 536)
      }),
    120_000
  )
})
