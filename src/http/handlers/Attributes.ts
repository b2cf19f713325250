import { Effect } from "effect"
import type { HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { namedKeys } from "../../api/Parameters.ts"
import { Settings } from "../../config/Settings.ts"
import { AttributeScopeName } from "../../domain/Attribute.ts"
import type { DeviceId } from "../../domain/Ids.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { DeviceAccess } from "../../services/access/DeviceAccess.ts"
import { Attributes } from "../../services/attributes/Attributes.ts"
import { makeAuditLog } from "../logging/auditLog.ts"
import { created, success } from "../response/envelope.ts"
import { whileAuthorized } from "../request/authorizationEnd.ts"
import { requireBodyKind } from "../request/bodyKind.ts"
import { bodyLimitsOf, inputLimitsOf, mayBeLarge, readText } from "../request/RequestBody.ts"
import { asDeviceProblem, asInputProblem } from "../response/toProblem.ts"
import { warningsField } from "../response/uploadFields.ts"

interface WriteRequest {
  readonly params: { readonly device_id: DeviceId }
  readonly query: { readonly numeric_text?: "refuse" | "convert" }
  readonly request: HttpServerRequest.HttpServerRequest
}

const scopeNames = { server: "server-side", shared: "shared" } as const

export const AttributesLayer = HttpApiBuilder.group(
  Api,
  "attributes",
  Effect.fnUntraced(function* (handlers) {
    const attributes = yield* Attributes
    const settings = yield* Settings
    const access = yield* DeviceAccess
    const bodyLimits = bodyLimitsOf(settings, yield* EventLoop)
    const inputLimits = inputLimitsOf(settings)
    const audit = makeAuditLog(settings.auditLog)

    const write =
      (scope: "server" | "shared") =>
      ({ params: { device_id }, query, request }: WriteRequest) =>
        requireBodyKind(request, ["json"]).pipe(
          Effect.andThen(mayBeLarge(request, bodyLimits) ? access.requireVisible(device_id) : Effect.void),
          Effect.andThen(readText(request, bodyLimits)),
          Effect.flatMap((body) =>
            audit.attributes(
              device_id,
              AttributeScopeName[scope],
              body
            )(attributes.write(device_id, scope, body, { convertNumericText: query.numeric_text === "convert", limits: inputLimits }))
          ),
          Effect.flatMap(({ keys, warnings }) =>
            created({
              device_id,
              scope: AttributeScopeName[scope],
              attributes_uploaded: keys,
              count: keys.length,
              message: `Successfully uploaded ${keys.length} ${scopeNames[scope]} attributes`,
              ...warningsField(warnings)
            })
          ),
          whileAuthorized,
          Effect.catchTags({ EntityNotFound: asDeviceProblem, ThingsBoardError: asDeviceProblem, InvalidInput: asInputProblem })
        )

    return handlers
      .handle("read", ({ params: { device_id }, query }) =>
        attributes.read(device_id, query.scope, namedKeys(query)).pipe(
          Effect.flatMap((data) => success(`,"device_id":"${device_id}","data":${data}`)),
          Effect.catch(asDeviceProblem)
        )
      )
      .handleRaw("writeServer", write("server"))
      .handleRaw("writeShared", write("shared"))
  })
)
