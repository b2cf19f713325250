import { batchId, deviceId, type Examples, file, json, otherDeviceId, success } from "./model.ts"

/** Thermostat Office 102 of the demo. */
const namedDeviceId = "d0000000-0000-11f0-8000-000000000004"
const ts = 1_700_000_000_000
const points = { temperature: [{ ts, value: 21.5 }], door: [{ ts, value: "open" }] }

const imported = {
  ...success,
  status: "partial",
  dry_run: false,
  rows_taken: 2,
  rows_refused: 1,
  rows_unknown: 0,
  rows_not_sent: 0,
  refused: [{ line: 4, reason: "ts: looks like seconds; expected milliseconds, or ts_unit=s" }],
  points_stored: { [deviceId]: 2 },
  message: "Accepted 2 rows, rejected 1"
}

const accepted = (points: number) => ({
  status: "accepted",
  timestamp: success.timestamp,
  batch_id: batchId,
  message: `Accepted ${points} data points; they are stored in ThingsBoard as soon as possible`
})

const acceptedFile = { ...imported, ...accepted(2), points_stored: {} }

export const telemetryWrites: Examples = {
  uploadTelemetry: {
    request: { [json]: points },
    responses: {
      201: {
        [json]: {
          ...success,
          device_id: deviceId,
          keys_uploaded: ["temperature", "door"],
          total_data_points: 2,
          message: "Successfully uploaded 2 data points for 2 telemetry keys"
        }
      },
      202: { [json]: { ...accepted(2), device_id: deviceId, keys_uploaded: ["temperature", "door"], total_data_points: 2 } }
    }
  },
  uploadTelemetryOfMany: {
    request: { [json]: { [deviceId]: points, "Thermostat Office 102": points, [otherDeviceId]: points } },
    responses: {
      200: {
        [json]: {
          ...success,
          summary: { total_devices: 3, successful_devices: 2, failed_devices: 1, total_data_points: 4 },
          results: {
            [deviceId]: { status: "success", keys_uploaded: ["temperature", "door"], data_points: 2 },
            "Thermostat Office 102": {
              status: "success",
              keys_uploaded: ["temperature", "door"],
              data_points: 2,
              device_id: namedDeviceId
            },
            [otherDeviceId]: {
              status: "failed",
              error: `No device has the id ${otherDeviceId}, or this key may not see it.`,
              error_code: "RESOURCE_NOT_FOUND"
            }
          },
          message: "Bulk upload completed: 2/3 devices successful"
        }
      },
      202: {
        [json]: {
          ...accepted(4),
          summary: { total_devices: 2, successful_devices: 0, failed_devices: 0, accepted_devices: 2, total_data_points: 4 },
          results: {
            [deviceId]: { status: "accepted", keys_uploaded: ["temperature", "door"], data_points: 2 },
            "Thermostat Office 102": { status: "accepted", keys_uploaded: ["temperature", "door"], data_points: 2 }
          }
        }
      }
    }
  },
  importTelemetry: {
    request: { [file]: `ts,key,value\n${ts},temperature,21.5\n${ts},door,open\n1700000000,temperature,21.5\n` },
    responses: { 200: { [json]: imported }, 202: { [json]: acceptedFile } }
  },
  importTelemetryOfMany: {
    request: {
      [file]: `device_id,device_name,ts,key,value\n${deviceId},,${ts},temperature,21.5\n,Thermostat Office 101,${ts},door,open\n,Thermostat Office 101,1700000000,door,open\n`
    },
    responses: { 200: { [json]: imported }, 202: { [json]: acceptedFile } }
  },
  getBatch: {
    responses: {
      200: {
        [json]: {
          ...success,
          batch_id: batchId,
          state: "partial",
          accepted_at: ts,
          finished_at: ts + 1200,
          total_data_points: 6,
          points_stored: 4,
          points_rejected: 2,
          points_waiting: 0,
          rejected: [{ device: otherDeviceId, points: 2, reason: "the device does not exist or is not visible" }]
        }
      }
    }
  }
}
