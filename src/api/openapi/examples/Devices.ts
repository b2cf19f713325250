import { device, deviceProfileId, type Examples, json, onePage, success } from "./model.ts"

export const devices: Examples = {
  listDevices: { responses: { 200: { [json]: { ...success, pagination: onePage, data: [device] } } } },
  getDevice: { responses: { 200: { [json]: { ...success, data: device } } } },
  listDeviceTypes: {
    responses: { 200: { [json]: { ...success, pagination: onePage, data: [{ id: deviceProfileId, name: "thermostat" }] } } }
  }
}
