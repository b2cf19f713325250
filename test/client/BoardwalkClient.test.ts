/** The typed client against a gateway: exact values, streams and pages. */
import { expect } from "bun:test"
import { Effect, Schema, Stream } from "effect"
import { UnexpectedValues } from "../../src/client/index.ts"
import { DeviceId } from "../../src/domain/Ids.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"

const large = 9_223_372_036_854_775_807n
const range = { start_ts: 0, end_ts: 2_000_000_000_000 }
const missing = DeviceId.make("00000000-0000-4000-8000-000000000001")

const withDevice = Effect.gen(function* () {
  const it = yield* gateway()
  it.emulator.store.directory.createDevice({ tenantId: it.tenant.tenantId, name: "Meter", type: "meter", now: 1 })
  const [device] = (yield* it.client.devices.list({ query: {} })).data
  // Without a cast: the id of a device is what calls take.
  return { ...it, device_id: device!.id.id, params: { device_id: device!.id.id } }
})

live("integers beyond 2^53 are written and read as bigint, digit for digit, wherever a value can be", () =>
  Effect.gen(function* () {
    const { call, client, device_id, params } = yield* withDevice
    const points = [
      { ts: 1_700_000_000_000, value: large },
      { ts: 1_700_000_000_001, value: -9_007_199_254_740_993n },
      { ts: 1_700_000_000_002, value: { counts: [large, 1] } },
      { ts: 1_700_000_000_003, value: 21.5 },
      { ts: 1_700_000_000_004, value: "on" }
    ]
    const uploaded = yield* client.telemetry.upload({ params, query: {}, payload: { total: points } })
    expect(uploaded.total_data_points).toBe(5)
    yield* client.telemetry.bulk({ query: {}, payload: { [device_id]: { latest: [{ ts: 1_700_000_000_000, value: large }] } } })
    expect((yield* call(`/api/v1/tb/devices/${device_id}/telemetry?keys=total&start_ts=0&end_ts=2000000000000`)).text).toContain(
      '"value":-9007199254740993}'
    )

    expect(yield* client.telemetry.series({ params, query: { keys: ["total"], ...range } })).toEqual({ total: points })
    expect((yield* client.telemetry.latest({ params, query: { keys: ["latest"] } })).data["latest"]).toEqual({
      ts: 1_700_000_000_000,
      value: large
    })
    const { data } = yield* client.telemetry.latestOfMany({ payload: { device_ids: [device_id], keys: ["latest"] } })
    expect(data[device_id]!.values["latest"]!.value).toBe(large)
    const page = yield* client.telemetry.query({ params, payload: { keys: ["total"], ...range, order: "ASC" } })
    expect(page.data["total"]).toEqual(points)
    const rows = yield* Stream.runCollect(client.telemetry.rows({ params, query: { keys: ["total"], ...range } }))
    expect([...rows]).toEqual(points.map(({ ts, value }) => ({ ts, key: "total", value })))

    yield* client.attributes.writeServer({ params, query: {}, payload: { serial: large, ok: true } })
    yield* client.attributes.writeShared({ params, query: {}, payload: { target: -large } })
    const attributes = (yield* client.attributes.read({ params, query: {} })).data
    expect([attributes.server!["serial"]!.value, attributes.shared!["target"]!.value]).toEqual([large, -large])
  })
)

live("an upload that the contract rejects fails before it is sent, with a bigint too", () =>
  Effect.gen(function* () {
    const { client, params } = yield* withDevice
    const error = yield* Effect.flip(client.telemetry.upload({ params, query: {}, payload: { a: [{ ts: -1, value: large }] } }))
    expect(error._tag).toBe("SchemaError")
  })
)

live("series with named types are decoded, and values of another type are an error that names each key", () =>
  Effect.gen(function* () {
    const { client, params } = yield* withDevice
    const at = (value: string | number | boolean | bigint) => [{ ts: 1_700_000_000_000, value }]
    yield* client.telemetry.upload({
      params,
      query: {},
      payload: { temperature: at(21.5), mode: at("heat"), on: at(true), since: at("2026-01-31"), total: at(large) }
    })
    const State = Schema.Literals(["heat", "cool"])
    const types = { temperature: "number", mode: State, on: "boolean", since: "text", total: Schema.BigInt, absent: "number" } as const
    const series = yield* client.telemetry.typedSeries({ params, query: { types, ...range } })
    const mode: "heat" | "cool" = series.mode[0]!.value
    const total: bigint = series.total[0]!.value
    expect([series.temperature[0]!.value + 1, mode, series.on[0]!.value, series.since[0]!.value.length, total]).toEqual([
      22.5,
      "heat",
      true,
      10,
      large
    ])
    expect(series.absent).toEqual([])

    const error = yield* Effect.flip(
      client.telemetry.typedSeries({
        params,
        query: { types: { temperature: "text", mode: "boolean", total: "number", on: "boolean" }, ...range }
      })
    )
    expect(error).toBeInstanceOf(UnexpectedValues)
    expect((error as UnexpectedValues).errors.map(({ key }) => key)).toEqual(["temperature", "mode", "total"])
    expect(error.message).toContain("temperature: Expected string")
  })
)

live("lists and queries are streams over all pages", () =>
  Effect.gen(function* () {
    const { client, emulator, params, tenant } = yield* withDevice
    const { tenantId } = tenant
    for (let n = 0; n < 5; n++) {
      emulator.store.directory.createDevice({ tenantId, name: `Sensor ${n}`, type: `type ${n}`, now: 2 })
      emulator.store.directory.createAsset({ tenantId, name: `Room ${n}`, type: `kind ${n}`, now: 2 })
    }
    const namesOf = <E>(items: Stream.Stream<{ readonly name: string }, E>) =>
      Effect.map(Stream.runCollect(items), (all) => [...all].map(({ name }) => name).toSorted())
    const sensors = [0, 1, 2, 3, 4].map((n) => `Sensor ${n}`)
    expect(yield* namesOf(client.devices.listAll({ query: { text_search: "Sensor", page_size: 2 } }))).toEqual(sensors)
    expect(yield* namesOf(client.devices.listAll())).toEqual(["Meter", ...sensors])
    expect(yield* namesOf(client.assets.listAll({ query: { page_size: 2 } }))).toHaveLength(5)
    const { data: deviceTypes } = yield* client.devices.types({ query: { page_size: 1000 } })
    expect(yield* namesOf(client.devices.listAllTypes({ query: { page_size: 2 } }))).toEqual(deviceTypes.map(({ name }) => name).toSorted())
    const { data: assetTypes } = yield* client.assets.types({ query: { page_size: 1000 } })
    expect(yield* namesOf(client.assets.listAllTypes({ query: { page_size: 2 } }))).toEqual(assetTypes.map(({ name }) => name).toSorted())

    const points = Array.from({ length: 25 }, (_, n) => ({ ts: 1_700_000_000_000 + n, value: n }))
    yield* client.telemetry.upload({ params, query: {}, payload: { n: points } })
    const pages = [
      ...(yield* Stream.runCollect(client.telemetry.queryAll({ params, payload: { keys: ["n"], ...range, limit: 10, order: "ASC" } })))
    ]
    expect(pages.length).toBeGreaterThan(2)
    expect(pages.flatMap(({ data }) => data["n"] ?? [])).toEqual(points)
    const first = yield* Stream.runCollect(
      Stream.take(client.telemetry.queryAll({ params, payload: { keys: ["n"], ...range, limit: 10, order: "ASC" } }), 1)
    )
    expect([...first][0]!.data["n"]).toHaveLength(10)
  })
)

live("files are imported from a stream of bytes, and exported as one", () =>
  Effect.gen(function* () {
    const { client, device_id, params } = yield* withDevice
    const csv = (head: string, row: (n: number) => string) =>
      Stream.range(0, 999).pipe(
        Stream.map((n) => `${n === 0 ? `${head}\n` : ""}${row(n)}\n`),
        Stream.encodeText
      )
    const imported = yield* client.telemetry.import({
      params,
      query: { format: "csv" },
      payload: csv("ts,key,value", (n) => `${1_700_000_000_000 + n},imported,${n}`)
    })
    expect([imported.rows_taken, imported.rows_refused]).toEqual([1000, 0])
    const many = yield* client.telemetry.importMany({
      query: { format: "csv", dry_run: true },
      payload: csv("device_id,ts,key,value", (n) => `${device_id},${1_700_000_000_000 + n},imported,${n}`)
    })
    expect([many.rows_taken, many.dry_run]).toEqual([1000, true])

    const foreign = yield* client.telemetry.import({
      params,
      query: {
        format: "csv",
        time_column: ["Datum", "Zeit, lokal"],
        time_format: "dd.MM.yyyy HH:mm",
        timezone: "Europe/Berlin",
        decimal: "comma",
        missing: ["-999,0"],
        dry_run: true
      },
      payload: Stream.encodeText(Stream.make("Datum;Zeit, lokal;a;b\n31.01.2026;08:00;0;-999,0\n"))
    })
    expect([foreign.rows_taken, foreign.rows_refused, Object.values(foreign.points_stored)]).toEqual([1, 0, [1]])

    const file = client.telemetry.export({ params, query: { keys: ["imported"], ...range, format: "csv" } })
    const text = yield* Stream.mkString(Stream.decodeText(file))
    expect(text.split("\r\n").slice(0, 2)).toEqual(["ts,key,value", "1700000000000,imported,0"])
    const parquet = yield* Stream.runCollect(
      client.telemetry.exportMany({ payload: { device_ids: [device_id], ...range, format: "parquet" } })
    )
    expect(
      Buffer.concat([...parquet])
        .subarray(0, 4)
        .toString()
    ).toBe("PAR1")
    const rows = yield* Stream.runCollect(client.telemetry.rowsOfMany({ payload: { device_ids: [device_id], ...range } }))
    expect(rows).toHaveLength(1000)
    expect([...rows][1]).toEqual({ device_id, device_name: "Meter", ts: 1_700_000_000_001, key: "imported", value: 1 })
    const bulk = yield* client.telemetry.bulk({ query: {}, payload: { Meter: { named: [{ ts: 1_700_000_000_000, value: 2n ** 60n }] } } })
    expect(bulk.results["Meter"]).toEqual({ status: "success", keys_uploaded: ["named"], data_points: 1, device_id })
  })
)

live("problems are typed errors of every function, of streams too", () =>
  Effect.gen(function* () {
    const { client } = yield* withDevice
    const params = { device_id: missing }
    const codes = [
      yield* client.telemetry.series({ params, query: range }).pipe(
        Effect.as("none"),
        Effect.catchTag("DeviceNotFound", (problem) => Effect.succeed(problem.error_code))
      ),
      yield* Stream.runDrain(client.telemetry.rows({ params, query: range })).pipe(
        Effect.as("none"),
        Effect.catchTag("DeviceNotFound", (problem) => Effect.succeed(problem.error_code))
      ),
      yield* Stream.runDrain(client.telemetry.queryAll({ params, payload: { keys: ["a"] } })).pipe(
        Effect.as("none"),
        Effect.catchTag("DeviceNotFound", (problem) => Effect.succeed(problem.error_code))
      ),
      yield* client.attributes.read({ params, query: {} }).pipe(
        Effect.as("none"),
        Effect.catchTag("DeviceNotFound", (problem) => Effect.succeed(problem.error_code))
      )
    ]
    expect(codes).toEqual(codes.map(() => "RESOURCE_NOT_FOUND"))
  })
)
