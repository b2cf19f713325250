import { Effect } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import * as BoardwalkClient from "../client/BoardwalkClient.ts"
import { ownGateway } from "../config/ownGateway.ts"
import { Settings } from "../config/Settings.ts"
import { Ailment, Skipped } from "./Check.ts"

const look = Effect.fnUntraced(function* (baseUrl: string) {
  const { apiKey } = yield* Settings
  yield* HttpClient.get(`${baseUrl}/health`).pipe(
    Effect.timeout("5 seconds"),
    Effect.mapError(() => new Skipped({ detail: `no gateway runs on ${baseUrl}` }))
  )
  const ready = yield* HttpClient.get(`${baseUrl}/ready`).pipe(
    Effect.mapError(() => new Ailment({ detail: "/ready does not answer", hint: "See the gateway's log." }))
  )
  if (ready.status !== 200) return yield* new Ailment({ detail: `/ready answers ${ready.status}`, hint: "`boardwalk ready` tells why." })
  if (apiKey === undefined) return `${baseUrl}, without a list of devices: no API_KEY to ask with`
  const boardwalk = yield* BoardwalkClient.make({ baseUrl, apiKey })
  yield* boardwalk.devices
    .list({ query: { page_size: 1 } })
    .pipe(
      Effect.mapError(
        (error) =>
          new Ailment({ detail: `GET devices fails: ${error._tag}`, hint: "Does the gateway run with this configuration's API_KEY?" })
      )
    )
  return baseUrl
})

/** What an application meets: liveness, readiness, and a list with the configured key. */
export const ownEndpoints = Effect.gen(function* () {
  const { requestInit, url } = yield* Effect.orDie(ownGateway) // the same file was read for the settings a moment ago
  return yield* Effect.provideService(look(url), FetchHttpClient.RequestInit, requestInit)
}).pipe(Effect.provide(FetchHttpClient.layer))
