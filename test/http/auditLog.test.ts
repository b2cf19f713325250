/** Every write is in the log: who, where, how much, and with what outcome; never keys of telemetry or values. */
import { describe, expect } from "bun:test"
import { Duration, Effect } from "effect"
import type { SettingsShape } from "../../src/config/Settings.ts"
import { canaries, gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

const tb = "/api/v1/tb"
const t0 = 1_700_000_000_000
const missing = "784f394c-42b6-435a-983c-b7beff2784f9"

const site = (settings: Partial<SettingsShape> = {}) =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ writer: {}, reader: { scopes: ["devices:read"] } })
    const it = yield* gateway({ settings: { apiKeysFile, ...settings } })
    const { tenantId } = it.tenant
    const devices = ["A", "B"].map((name) => it.emulator.store.directory.createDevice({ tenantId, name, now: 1 }))
    const write = (path: string, body: unknown, id: string, type = "application/json") =>
      it.call(`${tb}/${path}`, { key: keyOf("writer"), body, method: "POST", headers: { "content-type": type, "x-request-id": id } })
    const events = () => it.records.filter(({ message }) => message === "Audit event: write")
    return { ...it, device: devices[0]!, a: devices[0]!.id as string, b: devices[1]!.id as string, events, write }
  })

const common = (request_id: string) => ({ level: "info", key_id: "writer", address: "127.0.0.1", request_id })

describe("the log has each write", () => {
  live("with its key, device, size and number of points or attributes, and without keys of telemetry and values", () =>
    Effect.gen(function* () {
      const { a, b, events, logs, write } = yield* site()
      const points = {
        canaryKey: [{ ts: t0, value: "canaryValue" }],
        k: [
          { ts: t0, value: 1 },
          { ts: t0 + 1, value: 2 }
        ]
      }
      yield* write(`devices/${a}/telemetry`, points, "upload")
      yield* write("telemetry/bulk", { [a]: points, [b]: { k: [{ ts: t0, value: 1 }] } }, "bulk")
      yield* write("telemetry/bulk", { [a]: points, [missing]: { k: [{ ts: t0, value: 1 }] } }, "partial")
      yield* write(`devices/${a}/attributes/server`, { canaryKey: "canaryValue", x: 1 }, "attributes")
      const csv = `ts,key,value\n${t0},canaryKey,1\n${t0 + 1},canaryKey,canaryValue\nnever,canaryKey,1\n`
      yield* write(`devices/${a}/telemetry/import`, csv, "csv", "text/csv")
      const lines = [a, b].map((device_id) => `${JSON.stringify({ device_id, ts: t0, key: "canaryKey", value: 1 })}\n`).join("")
      yield* write("telemetry/import", lines, "ndjson", "application/x-ndjson")
      expect(events()).toMatchObject([
        { ...common("upload"), operation: "upload", outcome: "stored", device_id: a, points: 3, bytes: JSON.stringify(points).length },
        { ...common("bulk"), operation: "bulk", outcome: "stored", devices: 2, device_ids: [a, b], points: 4 },
        { ...common("partial"), operation: "bulk", outcome: "partial", devices: 2, failed_devices: 1, points: 3 },
        { ...common("attributes"), operation: "attributes", outcome: "stored", device_id: a, scope: "SERVER_SCOPE", attributes: 2 },
        {
          ...common("csv"),
          operation: "import",
          outcome: "partial",
          device_id: a,
          points: 2,
          rows_accepted: 2,
          rows_rejected: 1,
          bytes: csv.length
        },
        { ...common("ndjson"), operation: "import", outcome: "stored", devices: 2, device_ids: [a, b], points: 2, rows_accepted: 2 }
      ])
      expect(logs.join("\n")).not.toMatch(/canaryKey|canaryValue/)
    })
  )

  live("that ThingsBoard may have stored in part, and none that was not allowed or had invalid input", () =>
    Effect.gen(function* () {
      const { a, call, emulator, events, write } = yield* site()
      const body = { k: [{ ts: t0, value: 1 }] }
      yield* write(`devices/${a}/telemetry`, { k: [{ ts: t0, value: null }] }, "invalid")
      yield* write(`devices/${a}/telemetry`, "{", "malformed")
      yield* write(`devices/${missing}/telemetry`, body, "missing")
      yield* write(`devices/${missing}/telemetry/import`, `ts,key,value\n${t0},k,1\n`, "missing-csv", "text/csv")
      yield* write(`devices/${a}/telemetry/import?dry_run=true`, `ts,key,value\n${t0},k,1\n`, "dry", "text/csv")
      yield* call(`${tb}/devices/${a}/telemetry`, { key: keyOf("reader"), body })
      yield* call(`${tb}/devices/${a}/telemetry`, { key: null, body })
      yield* call(`${tb}/devices/${a}/telemetry`, { key: canaries.otherApiKey, body })
      expect(events()).toEqual([])
      emulator.faults.inject({
        method: "POST",
        path: "/api/plugins/telemetry/*",
        times: "always",
        outcome: { type: "Status", status: 403 }
      })
      emulator.faults.inject({
        method: "POST",
        path: "/api/plugins/telemetry/*",
        times: "always",
        outcome: { type: "Status", status: 500 }
      })
      yield* write(`devices/${a}/telemetry`, body, "upload")
      yield* write("telemetry/bulk", { [a]: body }, "bulk")
      const failed = events().filter(({ outcome }) => outcome === "failed")
      expect(failed.map(({ operation }) => operation)).toContain("bulk")
    })
  )

  live("also of an import that ended early, with what was stored until then", () =>
    Effect.gen(function* () {
      const { a, device, emulator, events, url } = yield* site({ bodyTimeout: Duration.seconds(2) })
      const rows = (key: string) => Array.from({ length: 120_000 }, (_, i) => `{"ts":${t0 + i},"key":"${key}","value":${i}}\n`).join("")
      /** A body that never ends. */
      const send = (key: string, signal?: AbortSignal) =>
        fetch(`${url}${tb}/devices/${a}/telemetry/import`, {
          method: "POST",
          headers: { "x-api-key": keyOf("writer"), "content-type": "application/x-ndjson" },
          body: new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(rows(key))) }),
          ...(signal === undefined ? {} : { signal })
        })
      const slow = yield* Effect.promise(() => send("slow"))
      expect(slow.status).toBe(408)
      expect(events()).toMatchObject([
        { operation: "import", outcome: "failed", device_id: a, key_id: "writer", bytes: rows("slow").length }
      ])
      const stored = emulator.store.telemetry.latest(device, "slow")!.ts - t0 + 1
      expect([events()[0]!["points"], stored > 0]).toEqual([stored, true])

      const controller = new AbortController()
      const gone = send("gone", controller.signal).catch(() => "gone")
      while (emulator.store.telemetry.latest(device, "gone") === undefined) yield* Effect.sleep("10 millis")
      controller.abort()
      expect(yield* Effect.promise(() => gone)).toBe("gone")
      while (events().length < 2) yield* Effect.sleep("10 millis")
      expect(events()[1]).toMatchObject({ operation: "import", outcome: "interrupted", device_id: a, key_id: "writer" })
    })
  )

  live("unless AUDIT_LOG is false", () =>
    Effect.gen(function* () {
      const { a, events, write } = yield* site({ auditLog: false })
      expect((yield* write(`devices/${a}/telemetry`, { k: [{ ts: t0, value: 1 }] }, "upload")).status).toBe(201)
      expect(events()).toEqual([])
    })
  )
})
