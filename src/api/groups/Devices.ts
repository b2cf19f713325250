import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Device, DeviceType } from "../../domain/Entity.ts"
import { ListOf, OneOf, withoutCredentials } from "../Envelopes.ts"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { DirectRoute } from "../middleware/DirectRoute.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { deviceParams, order, page, pageSize, sort, textSearch, typeFilter } from "../Parameters.ts"
import { DeviceNotFound, upstreamProblems } from "../Problems.ts"

export class Devices extends HttpApiGroup.make("devices")
  .add(
    HttpApiEndpoint.get("list", "/devices", {
      query: {
        page,
        page_size: pageSize,
        text_search: textSearch,
        device_type: typeFilter("device"),
        sort,
        order,
        active: Schema.optionalKey(Schema.Boolean.annotate({ description: "Only connected (true) or only disconnected (false) devices." }))
      },
      success: ListOf(Device).annotate({ identifier: "DeviceList", description: "A page of devices." }),
      error: upstreamProblems
    })
      .annotate(RequiredScope, "devices:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listDevices",
          summary: "List devices",
          description: `Lists the devices that the key may see. The list is paged.${withoutCredentials}`
        })
      ),
    HttpApiEndpoint.get("get", "/devices/:device_id", {
      params: deviceParams,
      success: OneOf(Device).annotate({ identifier: "DeviceResult", description: "One device." }),
      error: [DeviceNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "devices:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getDevice",
          summary: "Get a device",
          description: `Returns one device in ThingsBoard's own format.${withoutCredentials}`
        })
      ),
    HttpApiEndpoint.get("types", "/device-types", {
      query: { page, page_size: pageSize, text_search: textSearch },
      success: ListOf(DeviceType).annotate({ identifier: "DeviceTypeList", description: "A page of device types." }),
      error: upstreamProblems
    })
      .annotate(RequiredScope, "devices:read")
      .annotate(DirectRoute, true)
      .annotateMerge(
        OpenApi.annotations({
          identifier: "listDeviceTypes",
          summary: "List device types",
          description: `Lists the device profiles. Their names are the values of \`device_type\`.${withoutCredentials}`
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Devices", description: "Devices and their types." })) {}
