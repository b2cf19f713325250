/**
 * The typed client, derived from the contract: an invalid call does not compile, and every problem is a typed error.
 * This folder can be bundled for browsers: it imports only `effect`, the contract and the domain.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api } from "../api/Api.ts"
import { Authentication } from "../api/middleware/Authentication.ts"

export interface Options {
  /** The URL of the gateway, such as `https://api.example.com`. */
  readonly baseUrl: string | URL
  /** Sent as `X-API-Key`. */
  readonly apiKey: Redacted.Redacted<string> | string
}

const authentication = (apiKey: Options["apiKey"]) =>
  HttpApiMiddleware.layerClient(Authentication, ({ next, request }) =>
    next(HttpClientRequest.setHeader(request, "x-api-key", typeof apiKey === "string" ? apiKey : Redacted.value(apiKey)))
  )

/** Makes a client. It needs an `HttpClient`, such as that of `FetchHttpClient.layer`. */
export const make = ({ apiKey, baseUrl }: Options): Effect.Effect<HttpApiClient.ForApi<typeof Api>, never, HttpClient.HttpClient> =>
  HttpApiClient.make(Api, { baseUrl }).pipe(Effect.provide(authentication(apiKey)))

/** The client as a service: `const boardwalk = yield* BoardwalkClient`, then `boardwalk.devices.list({ query: {} })`. */
export class BoardwalkClient extends Context.Service<BoardwalkClient, HttpApiClient.ForApi<typeof Api>>()(
  "boardwalk/client/BoardwalkClient"
) {
  static readonly layer = (options: Options): Layer.Layer<BoardwalkClient, never, HttpClient.HttpClient> =>
    Layer.effect(BoardwalkClient, make(options))
}
