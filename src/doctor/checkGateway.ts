import { Effect, Option, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import * as BoardwalkClient from "../client/BoardwalkClient.ts"
import { localGateway, type GatewayAddress, describeTlsFailure } from "../config/localGateway.ts"
import { readSecretVariable, Settings } from "../config/Settings.ts"
import { CheckFailure, Skipped } from "./Check.ts"

/** `API_KEY`, otherwise the key in `BOARDWALK_KEY`. */
const findKey = Effect.gen(function* () {
  const { apiKey } = yield* Settings
  if (apiKey !== undefined) return { name: "API_KEY", key: apiKey }
  const fromVariable = yield* Effect.orElseSucceed(readSecretVariable("BOARDWALK_KEY"), Option.none)
  return Option.isSome(fromVariable) ? { name: "BOARDWALK_KEY", key: Redacted.make(fromVariable.value) } : undefined
})

const connectionFailure = (baseUrl: string, error: unknown) => {
  const tlsFailure = describeTlsFailure(baseUrl, error)
  return tlsFailure === undefined
    ? new Skipped({ detail: `no gateway is running on ${baseUrl}` })
    : new CheckFailure({ detail: `no response from ${baseUrl}`, hint: tlsFailure })
}

const checkEndpoints = Effect.fnUntraced(function* (baseUrl: string) {
  yield* HttpClient.get(`${baseUrl}/health`).pipe(
    Effect.timeout("5 seconds"),
    Effect.mapError((error) => connectionFailure(baseUrl, error))
  )
  const ready = yield* HttpClient.get(`${baseUrl}/ready`).pipe(
    Effect.mapError(() => new CheckFailure({ detail: "/ready does not respond", hint: "See the gateway's log." }))
  )
  if (ready.status !== 200)
    return yield* new CheckFailure({ detail: `/ready responds with ${ready.status}`, hint: "`boardwalk ready` shows why." })
  const apiKey = yield* findKey
  if (apiKey === undefined) return `${baseUrl}; the list of devices was not checked: neither API_KEY nor BOARDWALK_KEY is set`
  const boardwalk = yield* BoardwalkClient.make({ baseUrl, apiKey: apiKey.key })
  yield* boardwalk.devices.list({ query: { page_size: 1 } }).pipe(
    Effect.mapError(
      (error) =>
        new CheckFailure({
          detail: `GET devices fails: ${error._tag}`,
          hint:
            error._tag === "Forbidden"
              ? `The key in ${apiKey.name} lacks the scope devices:read: use another key.`
              : `Check that the gateway runs with the ${apiKey.name === "API_KEY" ? "API_KEY" : "keys"} of this configuration${apiKey.name === "API_KEY" ? "" : ", and that BOARDWALK_KEY is one of them"}.`
        })
    )
  )
  return baseUrl
})

const client = ({ headers }: GatewayAddress) =>
  HttpClient.HttpClient.pipe(Effect.map(HttpClient.mapRequest(HttpClientRequest.setHeaders(headers))))

/** Checks the running gateway as an application uses it: liveness, readiness, and a list of devices. */
export const checkGateway = Effect.gen(function* () {
  const address = yield* Effect.mapError(
    localGateway,
    ({ issues }) =>
      new CheckFailure({ detail: issues.map(({ issue, variable }) => `${variable} ${issue}`).join("; "), hint: "Check HOST." })
  )
  return yield* checkEndpoints(address.url).pipe(
    Effect.provideServiceEffect(HttpClient.HttpClient, client(address)),
    Effect.provideService(FetchHttpClient.RequestInit, address.requestInit)
  )
}).pipe(Effect.provide(FetchHttpClient.layer))
