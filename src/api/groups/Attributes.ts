import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Attribute, AttributeScope, AttributeScopeName } from "../../domain/Attribute.ts"
import { DataKeyInput, ValueInput } from "../../domain/Telemetry.ts"
import { deviceFields } from "../Envelopes.ts"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { Idempotency } from "../middleware/Idempotency.ts"
import { KeyAndDeviceLimits } from "../middleware/KeyAndDeviceLimits.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { deviceParams, keyParameters, numericText } from "../Parameters.ts"
import { bodyProblems, DeviceNotFound, InvalidRequest, upstreamProblems } from "../Problems.ts"

const Values = Schema.Record(DataKeyInput, ValueInput)
  .check(Schema.isMinProperties(1))
  .annotate({
    identifier: "AttributesInput",
    description: "Attributes to write, by key. `null` is rejected.",
    examples: [{ serialNumber: "SN-001234", targetTemperature: 22.5, enabled: true }]
  })

const attributesByKey = Schema.Record(Schema.String, Attribute)

const AttributesByScope = Schema.Struct({
  server: Schema.optionalKey(attributesByKey),
  shared: Schema.optionalKey(attributesByKey),
  client: Schema.optionalKey(attributesByKey)
}).annotate({ identifier: "AttributesByScope", description: "Attributes by key, for each scope that was read." })

const AttributesWritten = Schema.Struct({
  ...deviceFields,
  scope: Schema.Literals([AttributeScopeName.server, AttributeScopeName.shared]).annotate({
    identifier: "WritableScope",
    description: "The scope of the written attributes, as named by ThingsBoard."
  }),
  attributes_uploaded: Schema.Array(Schema.String),
  count: Schema.Int,
  message: Schema.String,
  warnings: Schema.optionalKey(Schema.Array(Schema.String))
}).annotate({ identifier: "AttributesWritten", description: "The written attributes." })

export class Attributes extends HttpApiGroup.make("attributes")
  .add(
    HttpApiEndpoint.get("read", "/devices/:device_id/attributes", {
      params: deviceParams,
      query: { scope: Schema.optionalKey(AttributeScope), ...keyParameters },
      success: Schema.Struct({
        ...deviceFields,
        data: AttributesByScope
      }).annotate({ identifier: "AttributesResult", description: "Attributes by scope and key." }),
      error: [InvalidRequest, DeviceNotFound, ...upstreamProblems]
    })
      .middleware(KeyAndDeviceLimits)
      .annotate(RequiredScope, "attributes:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "readAttributes",
          summary: "Read attributes",
          description: "Returns the attributes of one scope, or of all three if `scope` is missing."
        })
      ),
    HttpApiEndpoint.post("writeServer", "/devices/:device_id/attributes/server", {
      params: deviceParams,
      query: { numeric_text: numericText },
      payload: Values,
      success: AttributesWritten.pipe(HttpApiSchema.status(201)),
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(Idempotency)
      .annotate(RequiredScope, "attributes:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "writeServerAttributes",
          summary: "Write server attributes",
          description: "Writes attributes that are stored on the platform and not sent to the device."
        })
      ),
    HttpApiEndpoint.post("writeShared", "/devices/:device_id/attributes/shared", {
      params: deviceParams,
      query: { numeric_text: numericText },
      payload: Values,
      success: AttributesWritten.pipe(HttpApiSchema.status(201)),
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .middleware(Idempotency)
      .annotate(RequiredScope, "attributes:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "writeSharedAttributes",
          summary: "Write shared attributes",
          description: "Writes attributes that are also pushed to the device."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(
    OpenApi.annotations({ title: "Attributes", description: "Named values of a device. Only the current value is stored." })
  ) {}
