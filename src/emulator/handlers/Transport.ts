import { Clock, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { AdministrationApi } from "../api/EmulatorApi.ts"
import { emptyOk, json } from "../http/responses.ts"
import { readText } from "../http/bodies.ts"
import type { AttributeScope } from "../store/Events.ts"
import { canStorePoints, readDeviceAttributes, readDevicePoints, readDeviceJson } from "../http/payloads.ts"
import { emptyError } from "../http/ErrorResponse.ts"
import type { Entity } from "../store/Directory.ts"
import { Store } from "../store/Store.ts"
import { printJson } from "../values/Value.ts"

const findDevice = Effect.fnUntraced(function* (token: string) {
  const { accounts, directory } = yield* Store
  const credentials = accounts.credentialsByToken(token)
  const device = credentials && directory.get(credentials.deviceId)
  return device === undefined ? yield* emptyError(401) : device
})

const postTelemetry = Effect.fnUntraced(function* (token: string, body: string) {
  const { telemetry } = yield* Store
  const device = yield* findDevice(token)
  const points = yield* readDevicePoints(yield* readDeviceJson(body), yield* Clock.currentTimeMillis)
  // A rule chain stores them later; where it fails, the device has long been answered.
  if (points.length > 0 && canStorePoints(points)) telemetry.save(device, points)
  return emptyOk
})

const postAttributes = Effect.fnUntraced(function* (token: string, body: string) {
  const { attributes } = yield* Store
  const device = yield* findDevice(token)
  const values = yield* readDeviceAttributes(yield* readDeviceJson(body))
  attributes.save(device, "CLIENT_SCOPE", values, yield* Clock.currentTimeMillis)
  return emptyOk
})

/** The named attributes, or all of both scopes if no names are given. */
const getAttributes = Effect.fnUntraced(function* (token: string, clientKeys: string | undefined, sharedKeys: string | undefined) {
  const { attributes } = yield* Store
  const device = yield* findDevice(token)
  const printScope = (entity: Entity, scope: AttributeScope, keys: string | undefined) =>
    attributes
      .read(entity, scope)
      .filter(({ key }) => (clientKeys === undefined && sharedKeys === undefined) || (keys ?? "").split(",").includes(key))
      .map(({ key, value }) => `${JSON.stringify(key)}:${printJson(value)}`)
      .join(",")
  const scopes = { client: printScope(device, "CLIENT_SCOPE", clientKeys), shared: printScope(device, "SHARED_SCOPE", sharedKeys) }
  return json(
    `{${Object.entries(scopes)
      .flatMap(([name, inner]) => (inner === "" ? [] : [`"${name}":{${inner}}`]))
      .join(",")}}`
  )
})

export const TransportLayer = HttpApiBuilder.group(AdministrationApi, "transport", (handlers) =>
  handlers
    .handleRaw("postTelemetry", ({ params, request }) => Effect.flatMap(readText(request), (body) => postTelemetry(params.token, body)))
    .handleRaw("postAttributes", ({ params, request }) => Effect.flatMap(readText(request), (body) => postAttributes(params.token, body)))
    .handle("getAttributes", ({ params, query }) => getAttributes(params.token, query.clientKeys, query.sharedKeys))
)
