/**
 * The typed client, derived from the contract: an invalid call does not compile, and every problem is a typed error.
 * This folder can be bundled for browsers: it imports only `effect`, the contract, the domain and the JSON scanner.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { Authentication } from "../api/middleware/Authentication.ts"
import { makeAttributes } from "./attributes.ts"
import type { DerivedClient } from "./DerivedClient.ts"
import { withExactBodies } from "./exactBody.ts"
import { withIdempotencyKeys } from "./idempotencyKey.ts"
import { listPages } from "./pages.ts"
import { makeTelemetry } from "./telemetry.ts"

export interface Options {
  /** The URL of the gateway, such as `https://api.example.com`. */
  readonly baseUrl: string | URL
  /** Sent as `X-API-Key`. */
  readonly apiKey: Redacted.Redacted<string> | string
}

type Query<Method extends (request: any) => unknown> = Parameters<Method>[0]["query"]
type ListDevices = Query<DerivedClient["devices"]["list"]>
type ListDeviceTypes = Query<DerivedClient["devices"]["types"]>
type ListAssets = Query<DerivedClient["assets"]["list"]>
type ListAssetTypes = Query<DerivedClient["assets"]["types"]>

const authentication = (apiKey: Options["apiKey"]) =>
  HttpApiMiddleware.layerClient(Authentication, ({ next, request }) =>
    next(HttpClientRequest.setHeader(request, "x-api-key", typeof apiKey === "string" ? apiKey : Redacted.value(apiKey)))
  )

/** Makes a client. It needs an `HttpClient`, such as that of `FetchHttpClient.layer`. */
export const make = Effect.fnUntraced(function* ({ apiKey, baseUrl }: Options) {
  const { assets, attributes, devices, graph, system, telemetry } = yield* HttpApiClient.make(Api, {
    baseUrl,
    transformClient: (client) => withIdempotencyKeys(withExactBodies(client))
  }).pipe(Effect.provide(authentication(apiKey)))
  return {
    devices: {
      ...devices,
      /** The devices of all pages. */
      listAll: listPages((query: ListDevices) => devices.list({ query })),
      /** The device types of all pages. */
      listAllTypes: listPages((query: ListDeviceTypes) => devices.types({ query }))
    },
    assets: {
      ...assets,
      /** The assets of all pages. */
      listAll: listPages((query: ListAssets) => assets.list({ query })),
      /** The asset types of all pages. */
      listAllTypes: listPages((query: ListAssetTypes) => assets.types({ query }))
    },
    graph,
    telemetry: makeTelemetry(telemetry),
    attributes: makeAttributes(attributes),
    system
  }
})

export type Client = Effect.Success<ReturnType<typeof make>>

/** The client as a service: `const boardwalk = yield* BoardwalkClient`, then `boardwalk.devices.list({ query: {} })`. */
export class BoardwalkClient extends Context.Service<BoardwalkClient, Client>()("boardwalk/client/BoardwalkClient") {
  static readonly layer = (options: Options): Layer.Layer<BoardwalkClient, never, HttpClient.HttpClient> =>
    Layer.effect(BoardwalkClient, make(options))
}
