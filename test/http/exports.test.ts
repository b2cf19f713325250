/** Exports on real sockets: when ThingsBoard fails, when the client does not read, and when it disconnects. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import type { Outcome } from "../../src/emulator/faults/FaultInjection.ts"
import { waitUntilStable } from "../support/historyPages.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const t0 = 1_700_000_000_000
const history = "*/values/timeseries/history"

const open = Effect.fnUntraced(function* (rows: number, maxConcurrentExports = 4) {
  const it = yield* gateway({ settings: { maxConcurrentExports } })
  const { directory, telemetry } = it.emulator.store
  const device = directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 0 })
  telemetry.loadBulk(
    device,
    "a",
    Array.from({ length: rows }, (_, i) => ({ ts: t0 + i, value: String(i).padStart(200, "x") }))
  )
  const path = `/api/v1/tb/devices/${device.id}/telemetry/export?start_ts=${t0}&end_ts=${t0 + rows}`
  /** The real response this many times, then these outcomes. */
  const after = (good: number, ...outcomes: ReadonlyArray<Outcome>) => {
    it.emulator.faults.inject({ path: history, times: good, latencyMillis: 0 })
    for (const outcome of outcomes) it.emulator.faults.inject({ path: history, outcome })
  }
  const calls = () => it.emulator.faults.calls({ path: history }).length
  return { ...it, after, calls, path }
})

/** A client that sees the bytes as they arrive, and reads only as many as it wants. */
const connect = (url: string, path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { hostname, port } = new URL(url)
      const seen = { text: "", ended: false }
      const socket = await Bun.connect({
        hostname,
        port: Number(port),
        socket: {
          data: (_, bytes) => void (seen.text += bytes.toString("latin1")),
          close: () => void (seen.ended = true),
          error: () => void (seen.ended = true)
        }
      })
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nX-API-Key: ${canaries.apiKey}\r\n\r\n`)
      return { socket, seen }
    }),
    ({ socket }) => Effect.sync(() => socket.terminate())
  )

const until = (condition: () => boolean) =>
  Effect.promise(async () => {
    for (let waited = 0; !condition() && waited < 20_000; waited += 5) await Bun.sleep(5)
    expect(condition()).toBe(true)
  })

const gone: Outcome = { type: "Status", status: 403, body: '{"status":403,"message":"secret words","errorCode":20}' }

describe("an export when ThingsBoard fails", () => {
  live("is cut off in the middle, so that it never looks complete, and the log gives the reason", () =>
    Effect.gen(function* () {
      const { after, logs, path, url } = yield* open(10_000)
      for (const format of ["json", "csv", "jsonl", "xlsx", "parquet"]) {
        after(1, gone)
        const { seen } = yield* connect(url, `${path}&format=${format}`)
        yield* until(() => seen.ended)
        expect(seen.text).not.toEndWith("\r\n0\r\n\r\n") // the last chunk
        if (format !== "parquet" && format !== "xlsx") expect(seen.text).toStartWith("HTTP/1.1 200 OK\r\n")
        if (format === "json") expect(seen.text).not.toContain("]}")
      }
      expect(
        logs.filter((line) => line.includes("ThingsBoard HTTP error: Forbidden (status 403, code 20)") && line.includes("broken_off"))
          .length
      ).toBe(5)
      expect(logs.join()).not.toContain("secret words")
    })
  )

  live("responds with a problem instead of a file if the first page fails", () =>
    Effect.gen(function* () {
      const { after, call, path } = yield* open(10)
      after(0, { type: "Garbage" })
      const answer = yield* call(`${path}&format=csv`)
      expect([answer.status, answer.json.error_code, answer.headers.get("content-disposition")]).toEqual([502, "UPSTREAM_ERROR", null])
    })
  )

  live("produces the same file if ThingsBoard recovers", () =>
    Effect.gen(function* () {
      const { after, call, calls, path } = yield* open(10_000)
      const whole = yield* call(`${path}&format=csv`)
      const untroubled = calls()
      after(1, { type: "Reset" }, { type: "Truncate", bytes: 100_000 }, { type: "Status", status: 500 }, { type: "Garbage" })
      const troubled = yield* call(`${path}&format=csv`)
      expect(troubled.text).toBe(whole.text)
      expect(troubled.text.split("\r\n").length).toBe(10_002)
      expect(calls() - untroubled).toBe(untroubled + 4)
    })
  )
})

describe("a client that exports", () => {
  live("slows down reads from ThingsBoard when it does not read, and ends them when it disconnects", () =>
    Effect.gen(function* () {
      const rows = 200_000
      const { calls, path, url } = yield* open(rows)
      const { seen, socket } = yield* connect(url, `${path}&format=csv`)
      yield* until(() => seen.text.length > 0)
      socket.pause()
      const held = yield* Effect.promise(() => waitUntilStable(calls))
      expect(held).toBeLessThan(40) // the capacity of the socket buffers; the whole file is about 65
      socket.terminate()
      yield* Effect.sleep("100 millis")
      expect(calls()).toBeLessThanOrEqual(held + 1)
    })
  )

  live("uses an export slot until it has read its file or disconnects", () =>
    Effect.gen(function* () {
      const { call, calls, path, url } = yield* open(200_000, 1)
      const { seen, socket } = yield* connect(url, `${path}&format=csv`)
      yield* until(() => seen.text.length > 0)
      socket.pause()
      const held = yield* Effect.promise(() => waitUntilStable(calls))
      const short = `${path.replace(/end_ts=\d+/, `end_ts=${t0 + 1}`)}&format=csv`
      let answered = false
      const next = yield* Effect.forkChild(
        Effect.tap(call(short), () => Effect.sync(() => (answered = true))),
        { startImmediately: true }
      )
      yield* Effect.sleep("200 millis")
      expect([answered, calls()]).toEqual([false, held])
      socket.terminate()
      yield* until(() => answered)
      expect(next.pollUnsafe()).toMatchObject({ value: { status: 200 } })
      expect((yield* call(short)).status).toBe(200)
    })
  )
})
