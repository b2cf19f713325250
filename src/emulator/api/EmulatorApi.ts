/**
 * The endpoints of the emulator: those that the gateway uses, and those that people and tests need to fill a ThingsBoard.
 * The latter declare no bodies: `http/bodies.ts` and `http/payloads.ts` parse them, as leniently or strictly as ThingsBoard.
 */
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { pageParameters } from "../../thingsboard/api/Entities.ts"
import { ThingsBoardApi } from "../../thingsboard/api/ThingsBoardApi.ts"
import { RequestGate } from "./RequestGate.ts"

const optionalString = Schema.optionalKey(Schema.String)
const ids = <Names extends ReadonlyArray<string>>(...names: Names) =>
  Object.fromEntries(names.map((name) => [name, Schema.String])) as { [Name in Names[number]]: typeof Schema.String }

/** Writes of devices and assets, and reads that the gateway does not use. */
export class DevicesAndAssets extends HttpApiGroup.make("devicesAndAssets").add(
  HttpApiEndpoint.post("saveDevice", "/api/device"),
  HttpApiEndpoint.post("saveAsset", "/api/asset"),
  HttpApiEndpoint.delete("deleteDevice", "/api/device/:id", { params: ids("id") }),
  HttpApiEndpoint.delete("deleteAsset", "/api/asset/:id", { params: ids("id") }),
  HttpApiEndpoint.get("deviceInfo", "/api/device/info/:id", { params: ids("id") }),
  HttpApiEndpoint.get("assetInfo", "/api/asset/info/:id", { params: ids("id") }),
  HttpApiEndpoint.get("deviceCredentials", "/api/device/:id/credentials", { params: ids("id") }),
  HttpApiEndpoint.get("tenantAssetInfos", "/api/tenant/assetInfos", { query: { ...pageParameters, type: optionalString } }),
  HttpApiEndpoint.get("customerAssetInfos", "/api/customer/:customerId/assetInfos", {
    params: ids("customerId"),
    query: { ...pageParameters, type: optionalString }
  }),
  HttpApiEndpoint.get("assetsByIds", "/api/assets", { query: { assetIds: Schema.String } }),
  HttpApiEndpoint.post("assignDevice", "/api/customer/:customerId/device/:id", { params: ids("customerId", "id") }),
  HttpApiEndpoint.post("assignAsset", "/api/customer/:customerId/asset/:id", { params: ids("customerId", "id") }),
  HttpApiEndpoint.delete("unassignDevice", "/api/customer/device/:id", { params: ids("id") }),
  HttpApiEndpoint.delete("unassignAsset", "/api/customer/asset/:id", { params: ids("id") })
) {}

/** Device and asset profiles. */
export class Profiles extends HttpApiGroup.make("profiles").add(
  HttpApiEndpoint.get("deviceTypes", "/api/device/types"),
  HttpApiEndpoint.get("assetTypes", "/api/asset/types"),
  HttpApiEndpoint.post("saveDeviceProfile", "/api/deviceProfile"),
  HttpApiEndpoint.get("deviceProfile", "/api/deviceProfile/:id", { params: ids("id") }),
  HttpApiEndpoint.get("deviceProfileNames", "/api/deviceProfile/names", { query: { activeOnly: Schema.optionalKey(Schema.Boolean) } }),
  HttpApiEndpoint.get("assetProfileNames", "/api/assetProfile/names", { query: { activeOnly: Schema.optionalKey(Schema.Boolean) } })
) {}

/** Tenants, customers and users. */
export class Users extends HttpApiGroup.make("users").add(
  HttpApiEndpoint.post("logout", "/api/auth/logout"),
  HttpApiEndpoint.get("tenants", "/api/tenants", { query: pageParameters }),
  HttpApiEndpoint.post("saveCustomer", "/api/customer"),
  HttpApiEndpoint.get("customer", "/api/customer/:id", { params: ids("id") }),
  HttpApiEndpoint.get("customers", "/api/customers", { query: pageParameters }),
  HttpApiEndpoint.delete("deleteCustomer", "/api/customer/:id", { params: ids("id") }),
  HttpApiEndpoint.post("saveUser", "/api/user"),
  HttpApiEndpoint.get("userById", "/api/user/:id", { params: ids("id") }),
  HttpApiEndpoint.delete("deleteUser", "/api/user/:id", { params: ids("id") }),
  HttpApiEndpoint.post("enableUser", "/api/user/:id/userCredentialsEnabled", {
    params: ids("id"),
    query: { userCredentialsEnabled: Schema.optionalKey(Schema.Boolean) }
  })
) {}

/** Since 4.3. */
export class ApiKeys extends HttpApiGroup.make("apiKeys").add(
  HttpApiEndpoint.post("createKey", "/api/apiKey"),
  HttpApiEndpoint.get("keysOfUser", "/api/apiKeys/:userId", { params: ids("userId"), query: pageParameters }),
  HttpApiEndpoint.put("describeKey", "/api/apiKey/:id/description", { params: ids("id") }),
  HttpApiEndpoint.put("enableKey", "/api/apiKey/:id/enabled/:enabledValue", { params: ids("id", "enabledValue") }),
  HttpApiEndpoint.delete("deleteKey", "/api/apiKey/:id", { params: ids("id") })
) {}

const relationQuery = {
  fromId: optionalString,
  fromType: optionalString,
  toId: optionalString,
  toType: optionalString,
  relationType: optionalString,
  relationTypeGroup: optionalString
}
/** Writes of relations, and reads that the gateway does not use. */
export class RelationAdministration extends HttpApiGroup.make("relationAdministration").add(
  HttpApiEndpoint.post("saveRelation", "/api/relation"),
  HttpApiEndpoint.post("saveRelationV2", "/api/v2/relation"),
  HttpApiEndpoint.delete("deleteRelation", "/api/relation", { query: relationQuery }),
  HttpApiEndpoint.get("relations", "/api/relations", { query: relationQuery }),
  HttpApiEndpoint.get("relationInfos", "/api/relations/info", { query: relationQuery })
) {}

const telemetryPath = "/api/plugins/telemetry/:entityType/:entityId" as const
const keyParameters = { keys: optionalString, key: Schema.optionalKey(Schema.Array(Schema.String)) }
const entity = ids("entityType", "entityId")
const entityAndScope = ids("entityType", "entityId", "scope")
/** Writes and deletions of telemetry and attributes, and reads that the gateway does not use. */
export class TelemetryAdministration extends HttpApiGroup.make("telemetryAdministration").add(
  HttpApiEndpoint.post("saveTelemetryWithTtl", `${telemetryPath}/timeseries/:scope/:ttl`, {
    params: ids("entityType", "entityId", "scope", "ttl")
  }),
  HttpApiEndpoint.delete("deleteTelemetry", `${telemetryPath}/timeseries/delete`, {
    params: entity,
    query: {
      ...keyParameters,
      deleteAllDataForKeys: Schema.optionalKey(Schema.Boolean),
      startTs: Schema.optionalKey(Schema.Int),
      endTs: Schema.optionalKey(Schema.Int),
      deleteLatest: Schema.optionalKey(Schema.Boolean),
      rewriteLatestIfDeleted: Schema.optionalKey(Schema.Boolean)
    }
  }),
  HttpApiEndpoint.get("attributeKeys", `${telemetryPath}/keys/attributes`, { params: entity }),
  HttpApiEndpoint.get("attributeKeysOfScope", `${telemetryPath}/keys/attributes/:scope`, { params: entityAndScope }),
  HttpApiEndpoint.post("saveAttributesV1", `${telemetryPath}/:scope`, { params: entityAndScope }),
  HttpApiEndpoint.delete("deleteAttributes", `${telemetryPath}/:scope`, { params: entityAndScope, query: keyParameters })
) {}

const alarmQuery = {
  ...pageParameters,
  statusList: optionalString,
  startTime: Schema.optionalKey(Schema.Int),
  endTime: Schema.optionalKey(Schema.Int)
}
export class Alarms extends HttpApiGroup.make("alarms").add(
  HttpApiEndpoint.post("saveAlarm", "/api/alarm"),
  HttpApiEndpoint.post("acknowledgeAlarm", "/api/alarm/:id/ack", { params: ids("id") }),
  HttpApiEndpoint.post("clearAlarm", "/api/alarm/:id/clear", { params: ids("id") }),
  HttpApiEndpoint.delete("deleteAlarm", "/api/alarm/:id", { params: ids("id") }),
  HttpApiEndpoint.get("alarmsOfEntity", "/api/v2/alarm/:entityType/:entityId", { params: entity, query: alarmQuery }),
  HttpApiEndpoint.get("alarms", "/api/v2/alarms", { query: alarmQuery })
) {}

/** Commands to devices, which ThingsBoard calls RPC. */
export class Commands extends HttpApiGroup.make("commands").add(
  HttpApiEndpoint.post("oneWay", "/api/rpc/oneway/:deviceId", { params: ids("deviceId") }),
  HttpApiEndpoint.post("twoWay", "/api/rpc/twoway/:deviceId", { params: ids("deviceId") })
) {}

export class System extends HttpApiGroup.make("system").add(
  HttpApiEndpoint.get("passwordPolicy", "/api/noauth/userPasswordPolicy"),
  HttpApiEndpoint.get("info", "/api/system/info")
) {}

/** The HTTP API for devices, with the device's token in the path. */
export class Transport extends HttpApiGroup.make("transport").add(
  HttpApiEndpoint.post("postTelemetry", "/api/v1/:token/telemetry", { params: ids("token") }),
  HttpApiEndpoint.post("postAttributes", "/api/v1/:token/attributes", { params: ids("token") }),
  HttpApiEndpoint.get("getAttributes", "/api/v1/:token/attributes", {
    params: ids("token"),
    query: { clientKeys: optionalString, sharedKeys: optionalString }
  })
) {}

/** The part of ThingsBoard's API that the gateway uses. */
export class GatewayApi extends ThingsBoardApi.middleware(RequestGate) {}

/** The rest of the emulator's API. */
export class AdministrationApi extends HttpApi.make("administration")
  .add(DevicesAndAssets, Profiles, Users, ApiKeys, RelationAdministration, TelemetryAdministration, Alarms, Commands, System, Transport)
  .middleware(RequestGate) {}
