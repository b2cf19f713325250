/** Uploads with `Prefer: respond-async`, through the gateway: what is acknowledged, when it is stored, and what becomes of the rest. */
import { expect } from "bun:test"
import { Duration, Effect } from "effect"
import { join } from "node:path"
import type { SettingsShape } from "../../../src/config/Settings.ts"
import { live } from "../../support/effectTest.ts"
import { canaries, gateway } from "../../support/gateway.ts"
import { keyOf, renderKeyFile, writeKeyFile } from "../../support/keyFile.ts"
import { makeFastClock } from "../../support/movableClock.ts"
import { temporaryFolder } from "../../support/temporaryFolder.ts"

const t0 = 1_700_000_000_000
const prefer = { prefer: "respond-async" }
const missing = "784f394c-42b6-435a-983c-000000000000"
const telemetry = "/api/plugins/telemetry/DEVICE/*"

/** Pauses after failures are ten times shorter. */
const start = Effect.fnUntraced(function* (settings: Partial<SettingsShape> = {}) {
  const spoolDir = join(yield* temporaryFolder("queued"), "spool")
  const { clock } = yield* makeFastClock(10)
  const it = yield* gateway({ clock, settings: { spoolDir, ...settings } })
  const { directory } = it.emulator.store
  const { tenantId } = it.tenant
  const devices = ["Boiler", "Pump"].map((name) => directory.createDevice({ tenantId, name, type: name.toLowerCase(), now: 1 }))
  const post = (path: string, body: unknown, more: Record<string, string> = {}, key?: string) =>
    it.call(`/api/v1/tb${path}`, { body, headers: { ...prefer, ...more }, ...(key === undefined ? {} : { key }) })
  const batch = (id: string, key?: string) => it.call(`/api/v1/tb/ingest/${id}`, key === undefined ? {} : { key })
  const finished = (id: string, key?: string) =>
    Effect.gen(function* () {
      for (;;) {
        const found = yield* batch(id, key)
        if (found.status !== 200 || found.json.state !== "waiting") return found.json
        yield* Effect.sleep("5 millis")
      }
    })
  const values = (device: (typeof devices)[number], key: string) =>
    it.emulator.store.telemetry
      .history(device, key, { startTs: 0, endTs: 2 * t0, limit: 1000, descending: false })
      .map(({ ts, value }) => [ts - t0, value])
  return { ...it, spoolDir, devices, post, batch, finished, values }
})

const point = (value: unknown, ts = t0) => ({ temperature: [{ ts, value }] })

live("an upload is acknowledged with the place of its batch, and stored digit for digit", () =>
  Effect.gen(function* () {
    const { batch, devices, finished, post, values } = yield* start()
    const [boiler] = devices
    const response = yield* post(
      `/devices/${boiler!.id}/telemetry`,
      `{"temperature":[{"ts":${t0},"value":9223372036854775807},{"ts":${t0 + 1},"value":0.1}],"on":[{"ts":${t0},"value":true}]}`
    )
    expect([response.status, response.headers.get("preference-applied")]).toEqual([202, "respond-async"])
    const { batch_id: id } = response.json
    expect(response.headers.get("location")).toBe(`/api/v1/tb/ingest/${id}`)
    expect(response.json).toMatchObject({
      status: "accepted",
      device_id: boiler!.id,
      keys_uploaded: ["temperature", "on"],
      total_data_points: 3
    })
    expect(yield* finished(id)).toMatchObject({ state: "stored", total_data_points: 3, points_stored: 3, points_waiting: 0, rejected: [] })
    expect((yield* batch(id)).json.finished_at).toBeGreaterThan(t0)
    expect(values(boiler!, "temperature")).toEqual([
      [0, 9_223_372_036_854_775_807n],
      [1, 0.1]
    ])
  })
)

live("without SPOOL_DIR the preference is ignored, as RFC 7240 says, and there are no batches", () =>
  Effect.gen(function* () {
    const { batch, devices, post } = yield* start({ spoolDir: undefined })
    const response = yield* post(`/devices/${devices[0]!.id}/telemetry`, point(1))
    expect([response.status, response.headers.get("preference-applied"), response.json.status]).toEqual([201, null, "success"])
    expect((yield* batch(missing)).json).toMatchObject({ status: 404, error_code: "RESOURCE_NOT_FOUND" })
  })
)

live("an invalid upload is rejected with all errors, and nothing of it is queued", () =>
  Effect.gen(function* () {
    const { devices, post, call } = yield* start()
    const response = yield* post(`/devices/${devices[0]!.id}/telemetry`, { a: [{ ts: "1", value: 1 }], b: [{ ts: t0, value: null }] })
    expect(response.status).toBe(400)
    expect(response.json.details.errors).toHaveLength(2)
    expect(response.headers.get("preference-applied")).toBeNull()
    const spool = (yield* call("/ready")).json.dependencies.find(({ name }: { name: string }) => name === "spool")
    expect(spool).toEqual({ name: "spool", ok: true, detail: "No points wait." })
  })
)

live("points of devices that do not exist are set aside with the reason, and the others are stored", () =>
  Effect.gen(function* () {
    const { call, devices, finished, logs, post, values } = yield* start()
    const [boiler, pump] = devices
    const response = yield* post("/telemetry/bulk", { [boiler!.id]: point(1), Pump: point(2), Nobody: point(3), [missing]: point(4) })
    expect(response.json).toMatchObject({ status: "accepted", summary: { total_devices: 4, accepted_devices: 4, total_data_points: 4 } })
    const state = yield* finished(response.json.batch_id)
    expect(state).toMatchObject({ state: "partial", points_stored: 2, points_rejected: 2 })
    expect(state.rejected).toContainEqual({ device: "Nobody", points: 1, reason: "no device has this name" })
    expect(state.rejected).toContainEqual({ device: missing, points: 1, reason: "the device does not exist or is not visible" })
    expect([values(boiler!, "temperature"), values(pump!, "temperature")]).toEqual([[[0, 1n]], [[0, 2n]]])
    expect(logs.filter((line) => line.includes("Queued points were rejected"))).toHaveLength(1)
    expect((yield* call("/ready")).text).toContain("No points wait. 2 were rejected.")
  })
)

live("a file is queued as a whole, but for the rows that are rejected", () =>
  Effect.gen(function* () {
    const { devices, finished, post, values } = yield* start()
    const [boiler, pump] = devices
    const rows = `device_id,device_name,ts,key,value\n${boiler!.id},,${t0},a,1\n,Pump,${t0},a,2\n${boiler!.id},,soon,a,3\n,Pump,${t0 + 1},a,4\n`
    const response = yield* post("/telemetry/import", rows, { "content-type": "text/csv" })
    expect(response.status).toBe(202)
    expect(response.json).toMatchObject({ status: "accepted", rows_taken: 3, rows_refused: 1, refused: [{ line: 4 }], points_stored: {} })
    expect(yield* finished(response.json.batch_id)).toMatchObject({ state: "stored", points_stored: 3 })
    expect([values(boiler!, "a"), values(pump!, "a")]).toEqual([
      [[0, 1n]],
      [
        [0, 2n],
        [1, 4n]
      ]
    ])
    const dryRun = yield* post(`/devices/${boiler!.id}/telemetry/import?dry_run=true`, `ts,key,value\n${t0},b,1\n`, {
      "content-type": "text/csv"
    })
    expect([dryRun.status, dryRun.json.dry_run]).toEqual([200, true])
  })
)

live("uploads are accepted while ThingsBoard is away, stored once it is back, and the newest of several for one time wins", () =>
  Effect.gen(function* () {
    const { call, devices, emulator, finished, logs, post, values } = yield* start({ spool: "always" })
    const [boiler] = devices
    emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 503 } })
    const ids: Array<string> = []
    for (let value = 0; value < 5; value++)
      ids.push((yield* post(`/devices/${boiler!.id}/telemetry`, point(value), { prefer: "return=minimal" })).json.batch_id)
    while (!logs.some((line) => line.includes("Queued uploads wait"))) yield* Effect.sleep("5 millis")
    const ready = yield* call("/ready")
    expect([ready.status, ready.text.includes("5 points wait")]).toEqual([200, true])
    emulator.faults.clearFaults()
    for (const id of ids) expect(yield* finished(id)).toMatchObject({ state: "stored" })
    expect(values(boiler!, "temperature")).toEqual([[0, 4n]])
    expect(logs.filter((line) => line.includes("Queued uploads wait"))).toHaveLength(1)
    expect(logs.some((line) => line.includes("Queued uploads are stored again"))).toBe(true)
  })
)

live("a proxy's 404 while ThingsBoard restarts does not mean that a device is missing", () =>
  Effect.gen(function* () {
    const { devices, emulator, finished, logs, post, values } = yield* start()
    const [boiler] = devices
    const headers = { "content-type": "text/plain; charset=utf-8" }
    emulator.faults.inject({
      path: "/api/*",
      times: "always",
      outcome: { type: "Status", status: 404, body: "404 page not found", headers }
    })
    const { json } = yield* post(`/devices/${boiler!.id}/telemetry`, point(1))
    while (!logs.some((line) => line.includes("Queued uploads wait"))) yield* Effect.sleep("5 millis")
    emulator.faults.clearFaults()
    expect(yield* finished(json.batch_id)).toMatchObject({ state: "stored" })
    expect(values(boiler!, "temperature")).toEqual([[0, 1n]])
  })
)

live("with SPOOL=always, /ready stays 200 while ThingsBoard is away; otherwise it does not", () =>
  Effect.gen(function* () {
    for (const [mode, status] of [
      ["always", 200],
      ["on-request", 503]
    ] as const) {
      const { call, emulator } = yield* start({ spool: mode })
      emulator.faults.inject({ times: "always", outcome: { type: "Status", status: 503 } })
      const ready = yield* call("/ready")
      expect([ready.status, ready.json.dependencies[0].ok]).toEqual([status, false])
    }
  })
)

live("a batch is seen by the key that uploaded it only", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ one: {}, two: {}, reader: { scopes: ["telemetry:read"] } })
    const { batch, devices, post } = yield* start({ apiKeysFile })
    const { json } = yield* post(`/devices/${devices[0]!.id}/telemetry`, point(1), {}, keyOf("one"))
    expect((yield* batch(json.batch_id, keyOf("one"))).status).toBe(200)
    expect((yield* batch(json.batch_id, keyOf("two"))).status).toBe(404)
    expect((yield* batch(json.batch_id, keyOf("reader"))).status).toBe(403)
    expect((yield* batch("nothing", keyOf("one"))).status).toBe(400)
  })
)

live("points are delivered with the rights of the key that uploaded them", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ narrow: { devices: { types: ["pump"] } } })
    const { devices, finished, post, values } = yield* start({ apiKeysFile })
    const [boiler, pump] = devices
    const { json } = yield* post(
      "/telemetry/bulk",
      { [boiler!.id]: point(1), [pump!.id]: point(2), Boiler: point(3, t0 + 1), Pump: point(4, t0 + 1) },
      {},
      keyOf("narrow")
    )
    const state = yield* finished(json.batch_id, keyOf("narrow"))
    expect(state).toMatchObject({ state: "partial", points_stored: 2, points_rejected: 2 })
    expect(state.rejected).toContainEqual({ device: "Boiler", points: 1, reason: "no device has this name" })
    expect([values(boiler!, "temperature"), values(pump!, "temperature")]).toEqual([
      [],
      [
        [0, 2n],
        [1, 4n]
      ]
    ])
  })
)

live("points of a key that was removed before they were delivered are set aside", () =>
  Effect.gen(function* () {
    const apiKeysFile = yield* writeKeyFile({ leaving: {}, staying: {} })
    const { devices, emulator, logs, post, spoolDir, values } = yield* start({ apiKeysFile })
    const [boiler] = devices
    emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 503 } })
    yield* post(`/devices/${boiler!.id}/telemetry`, point(1), {}, keyOf("leaving"))
    yield* Effect.promise(() => Bun.write(apiKeysFile, renderKeyFile({ staying: {} })))
    while (!logs.some((line) => line.includes("Queued points were rejected"))) yield* Effect.sleep("20 millis")
    emulator.faults.clearFaults()
    expect(values(boiler!, "temperature")).toEqual([])
    const { inspectSpool } = yield* Effect.promise(() => import("../../../src/spool/sqlite/openSpool.ts"))
    const spool = yield* inspectSpool(spoolDir)
    const [found] = yield* spool.unfinished(10)
    expect(yield* spool.rejected(found!.id, 10)).toEqual([
      { device: { id: boiler!.id }, points: 1, reason: "the API key of this upload has been removed or disabled" }
    ])
  })
)

live("a device whose points ThingsBoard fails to store is named in the log once, and its points wait", () =>
  Effect.gen(function* () {
    const { batch, devices, emulator, finished, logs, post } = yield* start()
    const [boiler] = devices
    emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 500 } })
    const { json } = yield* post(`/devices/${boiler!.id}/telemetry`, point(1))
    const named = () => logs.filter((line) => line.includes("Queued points of a device wait"))
    while (named().length === 0) yield* Effect.sleep("20 millis")
    yield* Effect.sleep("1 second")
    expect(named()).toEqual([expect.stringContaining(boiler!.id)])
    expect((yield* batch(json.batch_id)).json).toMatchObject({ state: "waiting", points_waiting: 1 })
    emulator.faults.clearFaults()
    expect(yield* finished(json.batch_id)).toMatchObject({ state: "stored" })
  })
)

live("when the queue is full, uploads get 507 and nothing of them is accepted", () =>
  Effect.gen(function* () {
    const { call, devices, emulator, finished, logs, post, values } = yield* start({ spoolMaxBytes: 60 })
    const [boiler, pump] = devices
    emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 503 } })
    const first = yield* post(`/devices/${boiler!.id}/telemetry`, point(1))
    expect(first.status).toBe(202)
    const full = yield* post("/telemetry/bulk", { [boiler!.id]: point(2, t0 + 1), [pump!.id]: point(3) })
    expect([full.status, full.headers.get("retry-after"), full.headers.get("preference-applied")]).toEqual([507, "60", null])
    expect(full.json).toMatchObject({ error_code: "SPOOL_FULL", details: { limit: "bytes" }, retry_after: 60 })
    const rows = `ts,key,value\n${Array.from({ length: 2000 }, (_, n) => `${t0 + n},rows,${n}`).join("\n")}\n`
    const file = yield* post(`/devices/${boiler!.id}/telemetry/import`, rows, { "content-type": "text/csv" })
    expect(file.status).toBe(507)
    emulator.faults.clearFaults()
    yield* finished(first.json.batch_id)
    expect([values(boiler!, "temperature"), values(pump!, "temperature"), values(boiler!, "rows")]).toEqual([[[0, 1n]], [], []])
    expect(logs.filter((line) => line.includes("The queue of uploads is full"))).toHaveLength(1)
    // The space is free again.
    expect((yield* post(`/devices/${boiler!.id}/telemetry`, point(5))).status).toBe(202)
    expect(logs.filter((line) => line.includes("takes uploads again"))).toHaveLength(1)
    expect((yield* call("/ready")).status).toBe(200)
  })
)

live("nothing more is taken when the oldest points have waited for too long", () =>
  Effect.gen(function* () {
    const { call, devices, emulator, post } = yield* start({ spoolMaxAge: Duration.millis(50) })
    emulator.faults.inject({ path: telemetry, times: "always", outcome: { type: "Status", status: 503 } })
    yield* post(`/devices/${devices[0]!.id}/telemetry`, point(1))
    yield* Effect.sleep("100 millis")
    const refused = yield* post(`/devices/${devices[0]!.id}/telemetry`, point(2))
    expect([refused.status, refused.json.details]).toEqual([507, { limit: "age" }])
    const ready = yield* call("/ready")
    expect([ready.status, ready.text.includes("SPOOL_MAX_AGE")]).toEqual([503, true])
  })
)

live("an import whose body breaks off leaves nothing", () =>
  Effect.gen(function* () {
    const { call, devices, url, values } = yield* start()
    const [boiler] = devices
    const port = Number(new URL(url).port)
    yield* Effect.promise(async () => {
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } })
      const head = `POST /api/v1/tb/devices/${boiler!.id}/telemetry/import HTTP/1.1\r\nHost: a\r\nX-API-Key: ${canaries.apiKey}\r\nPrefer: respond-async\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n`
      const rows = `ts,key,value\n${t0},rows,1\n`
      socket.write(`${head}${rows.length.toString(16)}\r\n${rows}\r\n`)
      await Bun.sleep(50)
      socket.terminate()
    })
    yield* Effect.sleep("100 millis")
    expect((yield* call("/ready")).text).toContain("No points wait.")
    expect(values(boiler!, "rows")).toEqual([])
  })
)
