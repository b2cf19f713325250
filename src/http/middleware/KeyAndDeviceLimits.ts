import { Context, Effect, Layer, Predicate, type Types } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { KeyAndDeviceLimits } from "../../api/middleware/KeyAndDeviceLimits.ts"
import { splitCommaList } from "../../api/Parameters.ts"
import type { InvalidRequest } from "../../api/Problems.ts"
import { Settings } from "../../config/Settings.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import type { FieldError } from "../../domain/Errors.ts"
import { isJson } from "../request/bodyKind.ts"
import { bodyLimitsOf } from "../request/RequestBody.ts"
import { findFieldErrors, failInvalid } from "../request/validation.ts"

type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, InvalidRequest | Types.unhandled, HttpServerRequest.HttpServerRequest>

/** The least number of bytes that a key takes in a JSON list: `"a",`. */
const minKeyBytes = 4

/** The number of bytes that a device id takes in a JSON list, with its quotes and the comma. */
const deviceIdBytes = 39

const tooMany = (field: string, max: number, setting: string): FieldError => ({ field, issue: `Expected at most ${max} (${setting})` })

const countOf = (list: unknown): number => (Array.isArray(list) ? list.length : 0)

const parseFields = (body: ArrayBuffer): Record<string, unknown> => {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString())
    return Predicate.isObject(parsed) ? (parsed as Record<string, unknown>) : {}
  } catch {
    return {} // rejected when it is decoded
  }
}

/**
 * Runs before the framework decodes the request, so it counts the raw lists. Most requests are too short to name too many, and are not
 * looked at. When a limit is exceeded, errors of the declared schemas come first, as they do for any other request.
 */
export const KeyAndDeviceLimitsLayer = Layer.effect(
  KeyAndDeviceLimits,
  Effect.map(Effect.all([Settings, EventLoop]), ([settings, eventLoop]) => {
    const { maxDevicesPerRequest, maxKeysPerRequest } = settings
    const limits = bodyLimitsOf(settings, eventLoop)

    const errorsOf = (slot: "query" | "body", keys: number, devices: number): ReadonlyArray<FieldError> => [
      ...(keys > maxKeysPerRequest ? [tooMany(`${slot}.keys`, maxKeysPerRequest, "MAX_KEYS_PER_REQUEST")] : []),
      ...(devices > maxDevicesPerRequest ? [tooMany(`${slot}.device_ids`, maxDevicesPerRequest, "MAX_DEVICES_PER_REQUEST")] : [])
    ]

    const queryErrors = (query: HttpServerRequest.ParsedSearchParams["Service"]) =>
      errorsOf("query", (query["keys"] === undefined ? 0 : splitCommaList(query["keys"]).length) + [query["key"] ?? []].flat().length, 0)

    const bodyErrors = (body: ArrayBuffer) => {
      const { byteLength } = body
      if (byteLength <= minKeyBytes * maxKeysPerRequest && byteLength <= deviceIdBytes * maxDevicesPerRequest) return []
      const { device_ids, keys } = parseFields(body)
      return errorsOf("body", countOf(keys), countOf(device_ids))
    }

    return KeyAndDeviceLimits.of((handler: Handler, { endpoint }) => {
      const runUnless = (errors: ReadonlyArray<FieldError>): Handler =>
        errors.length === 0
          ? handler
          : Effect.flatMap(findFieldErrors(endpoint, limits), (invalid) => failInvalid(invalid.length > 0 ? invalid : errors))
      return Effect.withFiber((fiber): Handler => {
        const context = fiber.context as Context.Context<HttpServerRequest.HttpServerRequest | HttpServerRequest.ParsedSearchParams>
        const request = Context.get(context, HttpServerRequest.HttpServerRequest)
        if (endpoint.payload.size > 0)
          return isJson(request)
            ? Effect.matchEffect(request.arrayBuffer, { onSuccess: (body) => runUnless(bodyErrors(body)), onFailure: () => handler })
            : handler
        // Each key takes a character and a comma.
        if (request.url.length <= maxKeysPerRequest) return handler
        return runUnless(queryErrors(Context.get(context, HttpServerRequest.ParsedSearchParams)))
      })
    })
  })
)
