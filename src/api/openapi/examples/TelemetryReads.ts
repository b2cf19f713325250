import { deviceId, type Examples, file, json, otherDeviceId, success } from "./model.ts"

const start = 1_700_000_000_000
const end = 1_700_086_400_000
const points = [
  { ts: start, value: 21.5 },
  { ts: start + 60_000, value: 21.7 }
]
const latest = { temperature: { ts: start + 60_000, value: 21.7 }, door: null }

const rowsCsv = `ts,key,value\n${start},temperature,21.5\n${start + 60_000},temperature,21.7\n`

export const telemetryReads: Examples = {
  listTelemetryKeys: { responses: { 200: { [json]: { ...success, device_id: deviceId, data: ["door", "humidity", "temperature"] } } } },
  getTelemetry: { responses: { 200: { [json]: { temperature: points } } } },
  exportTelemetry: { responses: { 200: { [file]: rowsCsv } } },
  getLatestTelemetry: {
    responses: { 200: { [json]: { ...success, device_id: deviceId, keys_requested: ["temperature", "door"], data: latest } } }
  },
  getLatestTelemetryOfMany: {
    request: { [json]: { device_ids: [deviceId, otherDeviceId], keys: ["temperature", "door"] } },
    responses: {
      200: {
        [json]: {
          ...success,
          keys_requested: ["temperature", "door"],
          data: { [deviceId]: { device_name: "Thermostat Office 101", values: latest } },
          not_found: [otherDeviceId]
        }
      }
    }
  },
  exportTelemetryOfMany: {
    request: { [json]: { device_type: "thermostat", keys: ["temperature"], start_ts: start, end_ts: end, format: "csv" } },
    responses: { 200: { [file]: `device_id,device_name,ts,key,value\n${deviceId},Thermostat Office 101,${start},temperature,21.5\n` } }
  },
  queryTelemetry: {
    request: {
      [json]: { keys: ["temperature", "pressure"], start_ts: start, end_ts: end, limit: 200, agg: "AVG", interval: "1h", order: "ASC" }
    },
    responses: {
      200: {
        [json]: {
          ...success,
          device_id: deviceId,
          query: {
            keys: ["temperature", "pressure"],
            start_ts: start,
            end_ts: end,
            limit: 200,
            order: "ASC",
            interval: "1h",
            agg: "AVG",
            timezone: null
          },
          data: { temperature: [{ ts: start, value: 21.6 }] },
          metadata: {
            total_points: 1,
            keys_found: ["temperature"],
            keys_missing: ["pressure"],
            time_range: { start, end, duration_hours: 24 }
          },
          next_cursor: null
        }
      }
    }
  }
}
