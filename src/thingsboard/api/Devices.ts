import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Device, DeviceInfo, PageOf, pageParameters, ProfileInfo } from "./Entities.ts"

const list = { ...pageParameters, type: Schema.optionalKey(Schema.String) }
const infos = { ...list, deviceProfileId: Schema.optionalKey(Schema.String), active: Schema.optionalKey(Schema.Boolean) }
const customer = { customerId: Schema.String }

/** `tenant…` requires a tenant administrator; `customer…` serves tenant administrators and the customer's users. */
export class Devices extends HttpApiGroup.make("devices").add(
  HttpApiEndpoint.get("tenantDevices", "/api/tenant/devices", { query: list, success: PageOf(Device) }),
  HttpApiEndpoint.get("tenantDeviceInfos", "/api/tenant/deviceInfos", { query: infos, success: PageOf(DeviceInfo) }),
  HttpApiEndpoint.get("customerDevices", "/api/customer/:customerId/devices", { params: customer, query: list, success: PageOf(Device) }),
  HttpApiEndpoint.get("customerDeviceInfos", "/api/customer/:customerId/deviceInfos", {
    params: customer,
    query: infos,
    success: PageOf(DeviceInfo)
  }),
  HttpApiEndpoint.get("device", "/api/device/:deviceId", { params: { deviceId: Schema.String }, success: Device }),
  /** Ids separated by commas. Ids that do not exist or may not be seen are silently left out. */
  HttpApiEndpoint.get("devicesByIds", "/api/devices", { query: { deviceIds: Schema.String }, success: Schema.Array(Device) }),
  HttpApiEndpoint.get("deviceProfileInfos", "/api/deviceProfileInfos", { query: pageParameters, success: PageOf(ProfileInfo) })
) {}
