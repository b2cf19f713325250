/** The examples of the API's documentation work in the demo, as a new user tries them. */
import { expect } from "bun:test"
import { Effect, Redacted } from "effect"
import { exampleRequests } from "../../scripts/apiExamples.ts"
import { buildDocument } from "../../src/api/openapi/document.ts"
import { live } from "../support/effectTest.ts"
import { gateway } from "../support/gateway.ts"

const demo = gateway({
  emulator: { demo: true },
  settings: { tbCredentials: { _tag: "Password", username: "tenant@thingsboard.org", password: Redacted.make("tenant") } }
})

live(
  "every operation succeeds in the demo with the example's parameters and body",
  () =>
    Effect.gen(function* () {
      const { call } = yield* demo
      const requests = exampleRequests(buildDocument())
      expect(requests.length).toBeGreaterThan(15)
      for (const { body, method, operation, path } of requests) {
        const answer = yield* call(path, {
          method,
          ...(body === undefined ? {} : { body: body.text, headers: { "content-type": body.mediaType } })
        })
        expect(`${operation.operationId}: ${answer.status} ${answer.status < 300 ? "" : answer.text}`).toMatch(/: 20[01] $/)
      }
    }),
  60_000
)

live(
  "the times of the examples have data in the demo",
  () =>
    Effect.gen(function* () {
      const { call } = yield* demo
      for (const { body, method, path } of exampleRequests(buildDocument()).filter((request) =>
        /telemetry(\/query)?(\?start_ts.*)?$/.test(request.path)
      )) {
        if (method === "POST" && !path.endsWith("/query")) continue
        const { json } = yield* call(path, { method, ...(body === undefined ? {} : { body: body.text }) })
        const series = json.data ?? json
        expect([path, series.temperature.length > 10]).toEqual([path, true])
      }
    }),
  60_000
)
