import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Attribute, AttributeScope } from "../../domain/Attribute.ts"
import { NewDataKey, NewValue } from "../../domain/Telemetry.ts"
import { deviceFields } from "../Envelopes.ts"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { deviceParams, keys, numericText } from "../Parameters.ts"
import { bodyProblems, DeviceNotFound, InvalidRequest, upstreamProblems } from "../Problems.ts"

const Values = Schema.Record(NewDataKey, NewValue)
  .check(Schema.isMinProperties(1))
  .annotate({
    identifier: "AttributeValues",
    description: "Attributes to write, by key. `null` is refused.",
    examples: [{ serialNumber: "SN-001234", targetTemperature: 22.5, enabled: true }]
  })

const scopeData = Schema.Record(Schema.String, Attribute)

const written = <const S extends "SERVER_SCOPE" | "SHARED_SCOPE">(scope: S) =>
  Schema.Struct({
    ...deviceFields,
    scope: Schema.Literal(scope),
    attributes_uploaded: Schema.Array(Schema.String),
    count: Schema.Int,
    message: Schema.String,
    warnings: Schema.optionalKey(Schema.Array(Schema.String))
  }).annotate({
    identifier: scope === "SERVER_SCOPE" ? "ServerAttributesWritten" : "SharedAttributesWritten",
    description: "What was written."
  })

export class Attributes extends HttpApiGroup.make("attributes")
  .add(
    HttpApiEndpoint.get("read", "/devices/:device_id/attributes", {
      params: deviceParams,
      query: { scope: Schema.optionalKey(AttributeScope), keys },
      success: Schema.Struct({
        ...deviceFields,
        data: Schema.Struct({
          server: Schema.optionalKey(scopeData),
          shared: Schema.optionalKey(scopeData),
          client: Schema.optionalKey(scopeData)
        })
      }).annotate({ identifier: "AttributesResult", description: "Attributes by scope and key." }),
      error: [InvalidRequest, DeviceNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "attributes:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "readAttributes",
          summary: "Read attributes",
          description: "Attributes of one scope, or of all three when none is named."
        })
      ),
    HttpApiEndpoint.post("writeServer", "/devices/:device_id/attributes/server", {
      params: deviceParams,
      query: { numeric_text: numericText },
      payload: Values,
      success: written("SERVER_SCOPE").pipe(HttpApiSchema.status(201)),
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .annotate(RequiredScope, "attributes:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "writeServerAttributes",
          summary: "Write server attributes",
          description: "Attributes that the platform keeps and the device does not see."
        })
      ),
    HttpApiEndpoint.post("writeShared", "/devices/:device_id/attributes/shared", {
      params: deviceParams,
      query: { numeric_text: numericText },
      payload: Values,
      success: written("SHARED_SCOPE").pipe(HttpApiSchema.status(201)),
      error: [DeviceNotFound, ...bodyProblems, ...upstreamProblems]
    })
      .annotate(RequiredScope, "attributes:write")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "writeSharedAttributes",
          summary: "Write shared attributes",
          description: "Attributes that are pushed to the device."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Attributes", description: "Named values of a device without a history." })) {}
