import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { findEntity } from "../auth/Access.ts"
import { json } from "../http/responses.ts"
import { deviceOrAssetJson } from "../http/entityJson.ts"
import { customerList, listByIds, tenantList } from "./Lists.ts"
import { profileInfos } from "./Profiles.ts"

export const DevicesLayer = HttpApiBuilder.group(GatewayApi, "devices", (handlers) =>
  handlers
    .handle("tenantDevices", ({ query }) => tenantList("DEVICE", "entities", query))
    .handle("tenantDeviceInfos", ({ query }) => tenantList("DEVICE", "infos", query))
    .handle("customerDevices", ({ params, query }) => customerList("DEVICE", "entities", params.customerId, query))
    .handle("customerDeviceInfos", ({ params, query }) => customerList("DEVICE", "infos", params.customerId, query))
    .handle("device", ({ params }) => Effect.map(findEntity("DEVICE", params.deviceId), (device) => json(deviceOrAssetJson(device))))
    .handle("devicesByIds", ({ query }) => listByIds("DEVICE", query.deviceIds))
    .handle("deviceProfileInfos", ({ query }) => profileInfos("DEVICE_PROFILE", query))
)
