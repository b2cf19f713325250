/**
 * The client derived from `ThingsBoardApi`, for calls whose responses are decoded rather than passed on. It uses the same session and
 * transport as they do.
 */
import { Effect } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse, type HttpClientRequest, UrlParams } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import type { Schema } from "effect"
import { ThingsBoardApi } from "./api/ThingsBoardApi.ts"
import { invalidResponse, ThingsBoardError } from "./errors/ThingsBoardError.ts"
import { readsByPost } from "./reads/callKind.ts"
import type { Call } from "./transport/Call.ts"

export type ThingsBoardClient = HttpApiClient.ForApi<typeof ThingsBoardApi, ThingsBoardError>

type Send = (call: Omit<Call, "headers">) => Effect.Effect<Buffer<ArrayBuffer>, ThingsBoardError>

const overTransport = (send: Send) =>
  HttpClient.makeWith<never, never, ThingsBoardError, never>(
    Effect.flatMap((request: HttpClientRequest.HttpClientRequest) => {
      const query = UrlParams.toString(request.urlParams)
      const method = request.method === "POST" ? "POST" : "GET"
      const call = {
        method,
        path: query === "" ? request.url : `${request.url}?${query}`,
        repeatable: method === "GET" || readsByPost.test(request.url),
        ...(request.body._tag === "Uint8Array" ? { body: request.body.body } : {})
      } as const
      return Effect.map(send(call), (bytes) =>
        HttpClientResponse.fromWeb(request, new Response(bytes, { headers: { "content-type": "application/json" } }))
      )
    }),
    Effect.succeed
  )

export const make = (send: Send): Effect.Effect<ThingsBoardClient> =>
  HttpApiClient.makeWith(ThingsBoardApi, { httpClient: overTransport(send) })

/** A response that cannot be decoded is not what `ThingsBoardApi` declares. */
export const toThingsBoardError = (error: ThingsBoardError | HttpClientError.HttpClientError | Schema.SchemaError): ThingsBoardError =>
  error instanceof ThingsBoardError ? error : invalidResponse()
