/** The memory that a request has reserved is free again however the request ends. */
import { describe, expect } from "bun:test"
import { Duration, Effect, Schedule } from "effect"
import { connect } from "node:net"
import type { Outcome } from "../../src/emulator/faults/FaultInjection.ts"
import { live } from "../support/effectTest.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

const t0 = 1_700_000_000_000
const KiB = 1024
const tb = "/api/v1/tb"
/** Each request reserves more than half of the memory that its key can have: one that released nothing would block all others. */
const size = 300 * KiB
const reads = "*/values/timeseries*"
const truncated: Outcome = { type: "Truncate", bytes: 200 * KiB }
const garbage: Outcome = { type: "Garbage", body: `{"big":[{"ts":1,"value":"${"x".repeat(size)}` }
const tooLarge: Outcome = { type: "Garbage", body: "x".repeat(900 * KiB) }
const notFound: Outcome = { type: "Status", status: 404, body: "x".repeat(size) }

const open = Effect.gen(function* () {
  const it = yield* gateway({
    settings: {
      maxResponseMemory: 2600 * KiB,
      maxBodyMemory: 1024 * KiB,
      maxBodySize: 400 * KiB,
      tbMaxResponseSize: 800 * KiB,
      bodyTimeout: Duration.millis(300)
    }
  })
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
  telemetry.save(device, [
    { key: "big", ts: t0, value: "x".repeat(size) },
    { key: "small", ts: t0, value: 1n }
  ])
  const latest = `${tb}/devices/${device.id}/telemetry/latest`
  const query = `${tb}/devices/${device.id}/telemetry/query`
  const upload = `${tb}/devices/${device.id}/telemetry`
  const queryBody = { keys: ["big"], start_ts: 0, end_ts: t0 + 1 }
  const uploadBody = (value: string) => `{"small":[{"ts":${t0},"value":${value}}]}${" ".repeat(size)}`
  /** Succeeds once nothing is reserved that was not reserved before. */
  const isFree = Effect.all(
    [it.call(latest), it.call(query, { body: queryBody }), it.call(upload, { method: "POST", body: uploadBody("1") })],
    { concurrency: 1 }
  ).pipe(
    Effect.map((responses) => responses.map(({ status }) => status).join()),
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (statuses) => statuses === "200,200,201", times: 500 }),
    Effect.map((statuses) => expect(statuses).toBe("200,200,201"))
  )
  /** Disconnects after the given time, whatever has arrived by then. */
  const leave = (path: string, init: RequestInit, afterMillis: number) =>
    Effect.promise(() =>
      fetch(it.url + path, {
        ...init,
        headers: { "x-api-key": canaries.apiKey, "content-type": "application/json" },
        signal: AbortSignal.timeout(afterMillis)
      })
        .then((response) => response.text())
        .then(
          () => undefined,
          () => undefined
        )
    )
  /** Sends the head and a part of the body, and disconnects after the given time, or waits for the response. */
  const sendPart = (path: string, part: string, afterMillis: number) =>
    Effect.promise(
      () =>
        new Promise<string>((resolve) => {
          const { hostname, port } = new URL(it.url)
          const socket = connect(Number(port), hostname)
          let text = ""
          socket.on("data", (data) => (text += data.toString("latin1")))
          socket.on("error", () => {})
          socket.on("close", () => resolve(text))
          socket.write(
            `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${canaries.apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${390 * KiB}\r\n\r\n${part}`
          )
          setTimeout(() => socket.destroy(), afterMillis)
        })
    )
  const inject = (outcome: Outcome) => Effect.sync(() => it.emulator.faults.inject({ path: reads, outcome }))
  return { ...it, latest, query, upload, queryBody, uploadBody, isFree, leave, sendPart, inject }
})

type Opened = Effect.Success<typeof open>

const status = (expected: number) => (call: Effect.Effect<{ readonly status: number }>) =>
  Effect.map(call, (response) => expect(response.status).toBe(expected))

/** What happens to a request. */
const cases: Record<string, (it: Opened) => Effect.Effect<unknown>> = {
  "a response that is read to its end": ({ call, latest }) => status(200)(call(latest)),
  "a response to HEAD": ({ call, latest }) => status(200)(call(latest, { method: "HEAD" })),
  "a page of a query": ({ call, query, queryBody }) => status(200)(call(query, { body: queryBody })),
  "a truncated response from ThingsBoard": ({ call, inject, latest }) => Effect.andThen(inject(truncated), call(latest)),
  "a response from ThingsBoard that is not JSON": ({ call, inject, latest }) => Effect.andThen(inject(garbage), status(502)(call(latest))),
  "a response from ThingsBoard that is too large": ({ call, inject, latest }) =>
    Effect.andThen(inject(tooLarge), status(502)(call(latest))),
  "an error from ThingsBoard with a large body": ({ call, inject, latest }) => Effect.andThen(inject(notFound), status(404)(call(latest))),
  "a client that disconnects while ThingsBoard responds": ({ emulator, latest, leave }) =>
    Effect.andThen(
      Effect.sync(() => emulator.faults.inject({ path: reads, latencyMillis: 200 })),
      leave(latest, {}, 50)
    ),
  "clients that disconnect at any time": ({ latest, leave, query, queryBody }) =>
    Effect.forEach(
      Array.from({ length: 20 }, (_, i) => i),
      (millis) => Effect.andThen(leave(latest, {}, millis), leave(query, { method: "POST", body: JSON.stringify(queryBody) }, millis))
    ),
  "an upload": ({ call, upload, uploadBody }) => status(201)(call(upload, { method: "POST", body: uploadBody("2") })),
  "an upload with an error": ({ call, upload, uploadBody }) => status(400)(call(upload, { method: "POST", body: uploadBody("null") })),
  "an upload that ThingsBoard does not take": ({ call, emulator, upload, uploadBody }) =>
    Effect.andThen(
      Effect.sync(() => emulator.faults.inject({ method: "POST", path: "*/timeseries/ANY", outcome: { type: "Status", status: 500 } })),
      status(502)(call(upload, { method: "POST", body: uploadBody("2") }))
    ),
  "a body that is too large": ({ call, upload }) => status(413)(call(upload, { method: "POST", body: " ".repeat(410 * KiB) })),
  "a JSON body that the framework decodes": ({ call, query }) =>
    status(400)(call(query, { method: "POST", body: `{"keys":["${"x".repeat(size)}"]}` })),
  "a client that disconnects in the middle of its body": ({ query, sendPart, upload }) =>
    Effect.andThen(sendPart(upload, " ".repeat(size), 100), sendPart(query, " ".repeat(size), 100)),
  "a body that does not arrive in time": ({ sendPart, upload }) =>
    Effect.map(sendPart(upload, " ".repeat(size), 5000), (response) => expect(response).toStartWith("HTTP/1.1 408"))
}

describe("memory is free again after", () => {
  for (const [name, run] of Object.entries(cases))
    live(
      name,
      () =>
        Effect.gen(function* () {
          const it = yield* open
          yield* it.isFree
          for (let i = 0; i < 4; i++) yield* run(it)
          yield* it.isFree
        }),
      120_000
    )
})

const expectOverloaded = (
  { headers, json, status: actual }: { readonly status: number; readonly headers: Headers; readonly json: Record<string, unknown> },
  setting: string
) => {
  expect([actual, json["error_code"], headers.get("retry-after"), json["retry_after"]]).toEqual([503, "OVERLOADED", "5", 5])
  expect(json["detail"]).toContain(setting)
}

const openSocket = (url: string, text: string) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<ReturnType<typeof connect>>((resolve) => {
          const { hostname, port } = new URL(url)
          const socket = connect(Number(port), hostname, () => {
            socket.pause()
            socket.write(text, () => resolve(socket))
          })
          socket.on("error", () => {})
        })
    ),
    (socket) => Effect.sync(() => socket.destroy())
  )

live(
  "a reader who takes nothing holds the memory of its response: its key gets 503 with Retry-After, and another key does not",
  () =>
    Effect.gen(function* () {
      const MiB = 1024 * KiB
      const apiKeysFile = yield* writeKeyFile({ other: {} })
      const it = yield* gateway({ settings: { apiKeysFile, maxResponseMemory: 256 * MiB } })
      const { directory, telemetry } = it.emulator.store
      const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
      telemetry.save(
        device,
        Array.from({ length: 12 }, (_, i) => ({ key: "big", ts: t0 + i, value: "x".repeat(MiB) }))
      )
      const path = `${tb}/devices/${device.id}/telemetry/query`
      const body = JSON.stringify({ keys: ["big"], start_ts: 0, end_ts: t0 + 100 })
      const request = (key: string) => Effect.map(it.call(path, { method: "POST", body, key }), (response) => response)
      // Four pages of 12 MiB, each in memory twice, are three quarters of what one key can have.
      const openReader = openSocket(
        it.url,
        `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${canaries.apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
      )
      const readers = [yield* openReader, yield* openReader, yield* openReader, yield* openReader]
      const rejected = yield* request(canaries.apiKey).pipe(
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ({ status: actual }) => actual === 503, times: 100 })
      )
      expectOverloaded(rejected, "MAX_RESPONSE_MEMORY")
      expect(it.records.find(({ message }) => message === "Request rejected: no memory")).toMatchObject({
        key_id: "default",
        reason: "response_memory",
        status: 503
      })
      const other = yield* request(keyOf("other"))
      expect([other.status, other.json.metadata.total_points, other.json.next_cursor]).toEqual([200, 12, null])
      for (const reader of readers) reader.destroy()
      yield* request(canaries.apiKey).pipe(
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ({ status: actual }) => actual === 200, times: 100 }),
        Effect.map(({ status: actual }) => expect(actual).toBe(200))
      )
    }),
  120_000
)

live(
  "a body that does not end holds the memory of what has arrived: its key gets 503 with Retry-After, and another key does not",
  () =>
    Effect.gen(function* () {
      const apiKeysFile = yield* writeKeyFile({ other: {} })
      const it = yield* gateway({ settings: { apiKeysFile, maxBodyMemory: 1024 * KiB, maxBodySize: 400 * KiB } })
      const device = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
      const path = `${tb}/devices/${device.id}/telemetry`
      const unfinished = yield* openSocket(
        it.url,
        `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${canaries.apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${390 * KiB}\r\n\r\n${" ".repeat(380 * KiB)}`
      )
      const upload = (key: string) => it.call(path, { method: "POST", body: `{"a":[{"ts":${t0},"value":1}]}${" ".repeat(size)}`, key })
      const rejected = yield* upload(canaries.apiKey).pipe(
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ({ status: actual }) => actual === 503, times: 100 })
      )
      expectOverloaded(rejected, "MAX_BODY_MEMORY")
      expect((yield* upload(keyOf("other"))).status).toBe(201)
      // Small bodies are not counted.
      expect((yield* it.call(path, { method: "POST", body: `{"a":[{"ts":${t0},"value":1}]}` })).status).toBe(201)
      unfinished.destroy()
      yield* upload(canaries.apiKey).pipe(
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ({ status: actual }) => actual === 201, times: 100 }),
        Effect.map(({ status: actual }) => expect(actual).toBe(201))
      )
    }),
  120_000
)
