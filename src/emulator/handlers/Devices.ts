import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { GatewayApi } from "../api/EmulatorApi.ts"
import { findEntity } from "../auth/Access.ts"
import { json } from "../http/responses.ts"
import { deviceOrAssetJson } from "../http/entityJson.ts"
import { listCustomerEntities, listByIds, listTenantEntities } from "./Lists.ts"
import { listProfileInfos } from "./Profiles.ts"

export const DevicesLayer = HttpApiBuilder.group(GatewayApi, "devices", (handlers) =>
  handlers
    .handle("tenantDevices", ({ query }) => listTenantEntities("DEVICE", "entities", query))
    .handle("tenantDeviceInfos", ({ query }) => listTenantEntities("DEVICE", "infos", query))
    .handle("customerDevices", ({ params, query }) => listCustomerEntities("DEVICE", "entities", params.customerId, query))
    .handle("customerDeviceInfos", ({ params, query }) => listCustomerEntities("DEVICE", "infos", params.customerId, query))
    .handle("device", ({ params }) => Effect.map(findEntity("DEVICE", params.deviceId), (device) => json(deviceOrAssetJson(device))))
    .handle("devicesByIds", ({ query }) => listByIds("DEVICE", query.deviceIds))
    .handle("deviceProfileInfos", ({ query }) => listProfileInfos("DEVICE_PROFILE", query))
)
