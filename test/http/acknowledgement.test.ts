/** A write counts as stored only if ThingsBoard says so. Every other response, such as a proxy's page with status 200, is an error. */
import { expect } from "bun:test"
import { Effect } from "effect"
import type { Outcome } from "../../src/emulator/faults/FaultInjection.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const tb = "/api/v1/tb"
const ts = 1_700_000_000_000
const html = { "content-type": "text/html" }

/** Responses that are no acknowledgement, and the problem that they become. */
const foreign: ReadonlyArray<readonly [name: string, outcome: Outcome]> = [
  ["a login page", { type: "Status", status: 200, body: "<html>Sign in</html>", headers: html }],
  ["an empty page", { type: "Status", status: 200, body: "", headers: html }],
  ["JSON", { type: "Status", status: 200, body: '{"ok":true}', headers: { "content-type": "application/json" } }],
  ["truncated JSON", { type: "Garbage" }],
  ["one byte", { type: "Status", status: 200, body: " " }],
  ["202", { type: "Status", status: 202, body: "" }],
  ["204", { type: "Status", status: 204, body: "" }],
  ["a redirect to another host", { type: "Redirect", location: "https://elsewhere.example/maintenance" }]
]

const withDevice = Effect.gen(function* () {
  const it = yield* gateway()
  const { id } = it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Writer", now: 1 })
  const calls = () => it.emulator.faults.calls({ method: "POST", path: "/api/plugins/telemetry/*" }).length
  const failing = (outcome: Outcome) => {
    it.emulator.faults.clearFaults()
    it.emulator.faults.clearCalls()
    it.emulator.faults.inject({ path: "/api/plugins/telemetry/*", times: "always", outcome })
  }
  return { ...it, id, calls, failing }
})

live("an upload without ThingsBoard's acknowledgement gets 502, alone and in bulk", () =>
  Effect.gen(function* () {
    const { call, emulator, failing, id } = yield* withDevice
    const points = { a: [{ ts, value: 1 }] }
    for (const [name, outcome] of foreign) {
      failing(outcome)
      const upload = yield* call(`${tb}/devices/${id}/telemetry`, { body: points })
      expect([name, upload.status, upload.json.error_code]).toEqual([name, 502, "UPSTREAM_ERROR"])
      const bulk = yield* call(`${tb}/telemetry/bulk`, { body: { [id]: points } })
      expect([name, bulk.json.results[id]]).toMatchObject([name, { status: "failed", error_code: "UPSTREAM_ERROR" }])
      expect(bulk.json.summary).toMatchObject({ successful_devices: 0, failed_devices: 1, total_data_points: 0 })
    }
    emulator.faults.clearFaults()
    expect((yield* call(`${tb}/devices/${id}/keys`)).json.data).toEqual([])
    expect((yield* call(`${tb}/devices/${id}/telemetry`, { body: points })).status).toBe(201)
  })
)

live("attributes without an acknowledgement get 502, and are not written again", () =>
  Effect.gen(function* () {
    const { call, calls, failing, id } = yield* withDevice
    const write = call(`${tb}/devices/${id}/attributes/server`, { body: { a: 1 } })
    for (const [name, outcome] of foreign) {
      failing(outcome)
      const written = yield* write
      expect([name, written.status, written.json.error_code, calls()]).toEqual([name, 502, "UPSTREAM_ERROR", 1])
    }
    // What leaves open whether they were written is not repeated either.
    const ambiguous = [
      [503, { type: "Status", status: 503 }],
      [503, { type: "Status", status: 502 }],
      [504, { type: "Status", status: 504 }],
      [503, { type: "Reset" }]
    ] as const
    for (const [status, outcome] of ambiguous) {
      failing(outcome)
      expect([(yield* write).status, calls()]).toEqual([status, 1])
    }
  })
)

live("what is no response of ThingsBoard gets 502 on reads as well", () =>
  Effect.gen(function* () {
    const { call, emulator, id } = yield* withDevice
    const [page] = foreign
    const reads = [
      "devices",
      "assets",
      `devices/${id}`,
      `devices/${id}/keys`,
      `devices/${id}/attributes`,
      `devices/${id}/telemetry/latest`,
      `devices/${id}/telemetry?start_ts=0&end_ts=9000000000000`
    ]
    yield* call(`${tb}/devices/${id}/telemetry`, { body: { a: [{ ts, value: 1 }] } })
    for (const path of ["/api/tenant/*", "/api/device/*", "/api/plugins/*"])
      emulator.faults.inject({ path, times: "always", outcome: page![1] })
    for (const path of reads) {
      const { json, status, text } = yield* call(`${tb}/${path}`)
      expect([path, status, json.error_code]).toEqual([path, 502, "UPSTREAM_ERROR"])
      expect(text).not.toContain("Sign in")
    }
  })
)
