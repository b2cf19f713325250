/**
 * What every client does: for each operation one call that succeeds and one that fails, in this order. The programs of all languages are
 * made from this table, and the gateway's responses are checked with it.
 */
import { devices, places } from "../../src/emulator/demo/site.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * Which gateway is called, and how. `demo`: the demo with its key. `wrongKey`: with a key that does not exist. `longPath`: below a path that is
 * too long. `unavailable`: a gateway whose ThingsBoard cannot be reached.
 */
export type Target = "demo" | "wrongKey" | "longPath" | "unavailable"

export interface Call {
  readonly operation: string
  readonly outcome: "success" | "error"
  readonly target: Target
  /** By the names in openapi.json. */
  readonly parameters: Readonly<Record<string, Json>>
  /** A JSON body. */
  readonly json?: Json
  /** The text of a file that is uploaded. */
  readonly file?: string
}

export interface Success extends Call {
  readonly outcome: "success"
  /** Looks for faults in the result. A file is `{ base64 }`. */
  readonly check: (result: any) => boolean
}

export interface Failure extends Call {
  readonly outcome: "error"
  readonly status: number
  /** Undefined for the readiness of a gateway that is not ready: that is a report, not a problem. */
  readonly errorCode: string | undefined
}

export type Scenario = Success | Failure

export const unknownId = "00000000-0000-4000-8000-000000000000"
const thermostat = devices[0]!
const otherThermostat = devices.findLast(({ type }) => type === thermostat.type)!
const pump = devices.find(({ name }) => name === "Pump 2")!
const otherPump = devices.find(({ name }) => name === "Pump 1")!
const building = places[0]!

export const start = 1_700_000_000_000
const end = start + 3_600_000
const range = { start_ts: start, end_ts: end }

export const largeInteger = "9007199254740993"
/** Where the harness stores `largeInteger`, to see which clients keep its digits. */
export const largeIntegerKey = "large"
export const largeIntegerDevice = pump.id

/** A queued upload that the harness prepares. */
export const knownBatch = "5b0f3a52-6f0b-4d0a-9d0e-3a1c2b7d5e90"

/** Uploads without a queue: later calls read what they store. */
const Prefer = "wait=30"

const buckets = { ...range, agg: "AVG", interval: "1h", timezone: "Europe/Berlin" }
const graph = { max_depth: 1, direction: "FROM", types: ["ASSET"], relation_types: ["Contains"], hard_node_limit: 100 }

const textOf = ({ base64 }: { base64: string }) => Buffer.from(base64, "base64").toString()
const equals = (actual: unknown, expected: unknown) => Bun.deepEquals(actual, expected)

interface Options {
  readonly json?: Json
  readonly file?: string
  readonly target?: Target
}

const success = (
  operation: string,
  parameters: Readonly<Record<string, Json>>,
  check: (result: any) => boolean,
  { target = "demo", ...options }: Options = {}
): Success => ({ operation, outcome: "success", parameters, target, check, ...options })

const failure = (
  operation: string,
  parameters: Readonly<Record<string, Json>>,
  status: number,
  errorCode: string | undefined,
  { target = "demo", ...options }: Options = {}
): Failure => ({ operation, outcome: "error", parameters, target, status, errorCode, ...options })

const notFound = (operation: string, parameters: Readonly<Record<string, Json>>, options: Options = {}) =>
  failure(operation, parameters, 404, "RESOURCE_NOT_FOUND", options)
const wrongKey = (operation: string, options: Options = {}) =>
  failure(operation, {}, 401, "AUTHENTICATION_FAILED", { target: "wrongKey", ...options })
const tooLong = (operation: string) => failure(operation, {}, 414, "PAYLOAD_TOO_LARGE", { target: "longPath" })

/** The table for a client. Each client writes to keys of its own, so that clients can run at the same time. */
export const scenarios = (client: string): ReadonlyArray<Scenario> => {
  const key = `${client} value`
  const keyWithComma = `${client}, with a comma`
  const imported = `${client} imported`
  /** Another key for each write; clients send the word as it is. */
  const idempotent = (write: string) => ({ "Idempotency-Key": `${client.replaceAll(/[^\w-]/g, "-")}-${write}` })
  const points = [
    { ts: start, value: 21.5 },
    { ts: start + 1000, value: "on" },
    { ts: start + 2000, value: true },
    { ts: start + 3000, value: { a: [1, "b"] } }
  ]
  const csvOfPoints = (result: { base64: string }) => {
    const lines = textOf(result).trim().split("\n")
    return lines.length === points.length + 1 && lines[1]!.includes("21.5") && lines[2]!.includes("on")
  }
  return [
    success(
      "listDevices",
      { page: 1, page_size: 2, text_search: "Thermostat", device_type: "thermostat", active: true, sort: "name", order: "ASC" },
      ({ data, pagination }) =>
        data.length === 2 && data[0].name === "Thermostat Lobby" && data[0].id.id === thermostat.id && pagination.total_elements === 10
    ),
    wrongKey("listDevices"),
    success("getDevice", { device_id: thermostat.id }, ({ data }) => data.name === thermostat.name && data.createdTime > start),
    notFound("getDevice", { device_id: unknownId }),
    success(
      "listDeviceTypes",
      { page: 0, page_size: 100, text_search: "thermo" },
      ({ data }) => data.length === 1 && data[0].name === "thermostat"
    ),
    wrongKey("listDeviceTypes"),
    success(
      "listAssets",
      { page: 0, page_size: 10, text_search: "floor", asset_type: "floor", sort: "created_time", order: "DESC" },
      ({ data }) => data.length === 4 && data.every(({ type }: { type: string }) => type === "floor")
    ),
    wrongKey("listAssets"),
    success("getAsset", { asset_id: building.id }, ({ data }) => data.name === building.name),
    notFound("getAsset", { asset_id: unknownId }),
    success("listAssetTypes", { page: 0, page_size: 100, text_search: "room" }, ({ data }) => data.length === 1 && data[0].name === "room"),
    wrongKey("listAssetTypes"),
    success(
      "getGraph",
      { ...graph, root_id: building.id, root_type: "ASSET" },
      ({ edges, nodes }) => nodes.length === 5 && edges.length === 4
    ),
    notFound("getGraph", { root_id: unknownId, root_type: "ASSET" }),
    success("getGraphDiagram", { ...graph, root_id: building.id, root_type: "ASSET", format: "mermaid" }, (text: string) =>
      text.includes(building.name)
    ),
    notFound("getGraphDiagram", { root_id: unknownId, root_type: "ASSET", format: "dot" }),
    success(
      "uploadTelemetry",
      { device_id: pump.id, numeric_text: "convert", Prefer, ...idempotent("upload") },
      ({ keys_uploaded, total_data_points }) => equals([...keys_uploaded].sort(), [key, keyWithComma].sort()) && total_data_points === 5,
      { json: { [key]: points, [keyWithComma]: [{ ts: start, value: 7 }] } }
    ),
    failure("uploadTelemetry", { device_id: pump.id }, 400, "VALIDATION_ERROR", { json: { [key]: [{ ts: 1_700_000_000, value: 1 }] } }),
    success(
      "uploadTelemetryOfMany",
      { numeric_text: "refuse", Prefer, ...idempotent("bulk") },
      ({ summary }) => summary.successful_devices === 2 && summary.failed_devices === 0,
      {
        json: {
          [pump.id]: { [`${client} many`]: [{ ts: start, value: 1 }] },
          [otherPump.name]: { [`${client} many`]: [{ ts: start, value: 2 }] }
        }
      }
    ),
    wrongKey("uploadTelemetryOfMany", { json: { [pump.id]: { [key]: [{ ts: start, value: 1 }] } } }),
    success(
      "uploadTelemetryOfMany",
      { Prefer: "respond-async" },
      ({ batch_id, results, status, summary }) =>
        status === "accepted" && batch_id.length === 36 && summary.accepted_devices === 1 && results[pump.id].status === "accepted",
      { json: { [pump.id]: { [`${client} queued`]: [{ ts: start, value: 1 }] } } }
    ),
    success("getBatch", { batch_id: knownBatch }, ({ points_stored, state }) => state === "stored" && points_stored === 1),
    notFound("getBatch", { batch_id: unknownId }),
    success("listTelemetryKeys", { device_id: pump.id }, ({ data }) => data.includes(key)),
    notFound("listTelemetryKeys", { device_id: unknownId }),
    success("getTelemetry", { device_id: pump.id, keys: [key], ...range, format: "json" }, (result) => equals(result[key], points)),
    success("getTelemetry", { device_id: pump.id, keys: [key], key: [keyWithComma, key], ...range }, (result) =>
      equals(result, { [key]: points, [keyWithComma]: [{ ts: start, value: 7 }] })
    ),
    success("getTelemetry", { device_id: pump.id, keys: [`${client} many`], ...buckets }, (result) =>
      equals(result[`${client} many`], [{ ts: start, value: 1 }])
    ),
    success(
      "getTelemetry",
      { device_id: largeIntegerDevice, keys: [largeIntegerKey], ...range },
      (result) => result[largeIntegerKey].length === 1
    ),
    failure("getTelemetry", { device_id: pump.id, keys: [key], start_ts: end, end_ts: start }, 400, "VALIDATION_ERROR"),
    success("exportTelemetry", { device_id: pump.id, key: [key], ...range, format: "csv" }, csvOfPoints),
    success(
      "exportTelemetry",
      { device_id: pump.id, keys: [`${client} many`], ...buckets, format: "parquet" },
      ({ base64 }: { base64: string }) => {
        const bytes = Buffer.from(base64, "base64")
        return bytes.subarray(0, 4).toString() === "PAR1" && bytes.subarray(-4).toString() === "PAR1"
      }
    ),
    success(
      "exportTelemetry",
      { device_id: pump.id, key: [key], ...range, format: "csv", timezone: "Europe/Berlin", layout: "wide", dialect: "excel" },
      ({ base64 }: { base64: string }) => Buffer.from(base64, "base64").toString().includes("ts;local_time;")
    ),
    notFound("exportTelemetry", { device_id: unknownId, ...range, format: "csv" }),
    success(
      "getLatestTelemetry",
      { device_id: thermostat.id, keys: ["temperature"], key: ["temperature"] },
      ({ data }) => typeof data.temperature.value === "number" && data.temperature.ts > start && Object.keys(data).length === 1
    ),
    notFound("getLatestTelemetry", { device_id: unknownId }),
    success(
      "getLatestTelemetryOfMany",
      {},
      ({ data }) =>
        data[thermostat.id].device_name === thermostat.name && typeof data[otherThermostat.id].values.temperature.value === "number",
      { json: { device_ids: [thermostat.id, otherThermostat.id], keys: ["temperature"] } }
    ),
    failure("getLatestTelemetryOfMany", {}, 400, "VALIDATION_ERROR", { json: { keys: ["temperature"] } }),
    success("exportTelemetryOfMany", {}, csvOfPoints, { json: { device_ids: [pump.id], keys: [key], ...range, format: "csv" } }),
    success(
      "exportTelemetryOfMany",
      {},
      ({ base64 }: { base64: string }) => Buffer.from(base64, "base64").toString().startsWith("device_id,device_name,ts,local_time,"),
      {
        json: {
          device_ids: [pump.id],
          keys: [key],
          ...range,
          format: "csv",
          timezone: "UTC",
          layout: "wide",
          dialect: "standard"
        }
      }
    ),
    notFound("exportTelemetryOfMany", {}, { json: { device_ids: [unknownId], ...range } }),
    success(
      "queryTelemetry",
      { device_id: pump.id },
      ({ data, next_cursor }) => equals(data[key], points.slice(0, 2)) && typeof next_cursor === "string",
      { json: { keys: [key], ...range, limit: 2, order: "ASC" } }
    ),
    success("queryTelemetry", { device_id: pump.id }, ({ data, next_cursor }) => data[keyWithComma].length === 1 && next_cursor == null, {
      json: { keys: [keyWithComma], ...range, agg: "MAX", interval: "3600000" }
    }),
    failure("queryTelemetry", { device_id: pump.id }, 400, "VALIDATION_ERROR", { json: { keys: [key], start_ts: end, end_ts: start } }),
    success(
      "importTelemetry",
      { device_id: pump.id, format: "csv", numeric_text: "refuse", ts_unit: "ms", dry_run: false, Prefer, ...idempotent("import") },
      (result) => result.rows_taken === 2 && result.rows_refused === 1,
      { file: `ts,key,value\n${start},${imported},1\n${start + 1000},${imported},2.5\nyesterday,${imported},3\n` }
    ),
    success(
      "importTelemetry",
      {
        device_id: pump.id,
        format: "csv",
        time_column: ["Date", "Time"],
        time_format: "dd.MM.yyyy HH:mm",
        timezone: "Europe/Berlin",
        repeated_times: "infer",
        header: "absent",
        columns: ["Date", "Time", imported, "-"],
        skip_lines: 1,
        from_line: 2,
        missing: ["-999"],
        nan: "gap",
        decimal: "comma",
        dry_run: true
      },
      (result) => result.rows_taken === 2 && result.rows_refused === 0,
      { file: "Logger 7\n31.01.2026;08:00;21,5;x\n31.01.2026;08:15;-999;x\n" }
    ),
    notFound("importTelemetry", { device_id: unknownId, format: "csv" }, { file: `ts,key,value\n${start},${imported},1\n` }),
    success(
      "importTelemetryOfMany",
      { format: "jsonl", numeric_text: "convert", ts_unit: "s", dry_run: true, Prefer, ...idempotent("import-many") },
      (result) => result.rows_taken === 1 && result.dry_run,
      {
        file: `${JSON.stringify({ device_id: pump.id, ts: start / 1000, key: imported, value: "é 007" })}\n`
      }
    ),
    success(
      "importTelemetryOfMany",
      {
        format: "csv",
        time_column: ["Time"],
        time_format: "yyyy-MM-dd HH:mm",
        timezone: "UTC",
        repeated_times: "reject",
        header: "present",
        columns: ["device_id", "Time", imported],
        skip_lines: 0,
        from_line: 0,
        missing: ["NA"],
        nan: "reject",
        decimal: "dot",
        dry_run: true
      },
      (result) => result.rows_taken === 1 && result.dry_run,
      { file: `Device,When,Value\n${pump.id},2026-01-31 08:00,21.5\n` }
    ),
    wrongKey("importTelemetryOfMany", { file: `device_id,ts,key,value\n${pump.id},${start},${imported},1\n` }),
    success(
      "writeServerAttributes",
      { device_id: pump.id, numeric_text: "refuse", ...idempotent("server") },
      ({ attributes_uploaded, count }) => count === 2 && attributes_uploaded.includes(`${client} limit`),
      { json: { [`${client} limit`]: 22.5, [`${client} enabled`]: true } }
    ),
    notFound("writeServerAttributes", { device_id: unknownId }, { json: { limit: 1 } }),
    success("writeSharedAttributes", { device_id: pump.id, numeric_text: "convert", ...idempotent("shared") }, ({ count }) => count === 1, {
      json: { [`${client} note`]: "é" }
    }),
    notFound("writeSharedAttributes", { device_id: unknownId }, { json: { note: "x" } }),
    success(
      "readAttributes",
      { device_id: pump.id, scope: "server", keys: [`${client} limit`], key: [`${client} enabled`] },
      ({ data }) => data.server[`${client} limit`].value === 22.5 && data.server[`${client} enabled`].value === true
    ),
    notFound("readAttributes", { device_id: unknownId }),
    success("getIndex", {}, ({ links, name }) => name.length > 0 && Object.keys(links).length > 0),
    tooLong("getIndex"),
    success("getHealth", {}, ({ status }) => typeof status === "string"),
    tooLong("getHealth"),
    success("getHealthV1", {}, ({ status }) => typeof status === "string"),
    tooLong("getHealthV1"),
    success("getReadiness", {}, ({ status }) => status === "ready"),
    failure("getReadiness", {}, 503, undefined, { target: "unavailable" })
  ]
}

export const readsLargeInteger = ({ operation, parameters }: Scenario): boolean =>
  operation === "getTelemetry" && Bun.deepEquals(parameters["keys"], [largeIntegerKey])
