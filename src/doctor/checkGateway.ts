import { Effect, Option, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import * as BoardwalkClient from "../client/BoardwalkClient.ts"
import { localGateway, type GatewayAddress, describeTlsFailure } from "../config/localGateway.ts"
import { Settings, readVariable } from "../config/Settings.ts"
import { CheckFailure, Skipped } from "./Check.ts"

/** `API_KEY`, else the key that commands send. */
const keyToAskWith = Effect.gen(function* () {
  const { apiKey } = yield* Settings
  if (apiKey !== undefined) return { name: "API_KEY", key: apiKey }
  const given = yield* Effect.orElseSucceed(readVariable("BOARDWALK_KEY"), Option.none)
  return Option.isSome(given) ? { name: "BOARDWALK_KEY", key: Redacted.make(given.value) } : undefined
})

const absent = (baseUrl: string, error: unknown) => {
  const trouble = describeTlsFailure(baseUrl, error)
  return trouble === undefined
    ? new Skipped({ detail: `no gateway runs on ${baseUrl}` })
    : new CheckFailure({ detail: `no response from ${baseUrl}`, hint: trouble })
}

const look = Effect.fnUntraced(function* (baseUrl: string) {
  yield* HttpClient.get(`${baseUrl}/health`).pipe(
    Effect.timeout("5 seconds"),
    Effect.mapError((error) => absent(baseUrl, error))
  )
  const ready = yield* HttpClient.get(`${baseUrl}/ready`).pipe(
    Effect.mapError(() => new CheckFailure({ detail: "/ready does not answer", hint: "See the gateway's log." }))
  )
  if (ready.status !== 200)
    return yield* new CheckFailure({ detail: `/ready answers ${ready.status}`, hint: "`boardwalk ready` tells why." })
  const asking = yield* keyToAskWith
  if (asking === undefined) return `${baseUrl}, without a list of devices: no API_KEY and no BOARDWALK_KEY to ask with`
  const boardwalk = yield* BoardwalkClient.make({ baseUrl, apiKey: asking.key })
  yield* boardwalk.devices.list({ query: { page_size: 1 } }).pipe(
    Effect.mapError(
      (error) =>
        new CheckFailure({
          detail: `GET devices fails: ${error._tag}`,
          hint:
            error._tag === "Forbidden"
              ? `The key of ${asking.name} has not the right devices:read: ask with another.`
              : `Does the gateway run with this configuration's ${asking.name === "API_KEY" ? "API_KEY" : "keys, and is BOARDWALK_KEY one of them"}?`
        })
    )
  )
  return baseUrl
})

const client = ({ headers }: GatewayAddress) =>
  HttpClient.HttpClient.pipe(Effect.map(HttpClient.mapRequest(HttpClientRequest.setHeaders(headers))))

/** What an application meets: liveness, readiness, and a list with the configured key. */
export const checkGateway = Effect.gen(function* () {
  const reach = yield* Effect.orDie(localGateway) // the same file was read for the settings a moment ago
  return yield* look(reach.url).pipe(
    Effect.provideServiceEffect(HttpClient.HttpClient, client(reach)),
    Effect.provideService(FetchHttpClient.RequestInit, reach.requestInit)
  )
}).pipe(Effect.provide(FetchHttpClient.layer))
