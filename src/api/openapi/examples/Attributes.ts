import { deviceId, type Examples, json, success } from "./model.ts"

const written = (scope: string, kind: string, keys: ReadonlyArray<string>) => ({
  ...success,
  device_id: deviceId,
  scope,
  attributes_uploaded: keys,
  count: keys.length,
  message: `Successfully uploaded ${keys.length} ${kind} attributes`
})

export const attributes: Examples = {
  readAttributes: {
    responses: {
      200: {
        [json]: {
          ...success,
          device_id: deviceId,
          data: {
            server: { serialNumber: { value: "SN-001234", last_update_ts: 1_690_000_000_000 } },
            shared: { targetTemperature: { value: 22.5, last_update_ts: 1_699_999_000_000 } },
            client: { firmware: { value: "1.4.2", last_update_ts: 1_699_990_000_000 } }
          }
        }
      }
    }
  },
  writeServerAttributes: {
    request: { [json]: { serialNumber: "SN-001234", commissioned: true } },
    responses: { 201: { [json]: written("SERVER_SCOPE", "server-side", ["serialNumber", "commissioned"]) } }
  },
  writeSharedAttributes: {
    request: { [json]: { targetTemperature: 22.5, schedule: { from: "06:00", to: "20:00" } } },
    responses: { 201: { [json]: written("SHARED_SCOPE", "shared", ["targetTemperature", "schedule"]) } }
  }
}
