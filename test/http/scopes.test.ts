/** Every endpoint of the API requires a key with its scope, except for the open ones. */
import { expect } from "bun:test"
import { Context, Effect, Option } from "effect"
import { HttpApi } from "effect/http-api"
import { Api } from "../../src/api/Api.ts"
import { Authentication, RequiredScope } from "../../src/api/middleware/Authentication.ts"
import { allScopes, type KeyScope } from "../../src/domain/ApiKey.ts"
import { gateway } from "../support/gateway.ts"
import { live } from "../support/effectTest.ts"
import { keyOf, writeKeyFile } from "../support/keyFile.ts"

interface Endpoint {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly guarded: boolean
  readonly scope: KeyScope | undefined
}

const endpoints: Array<Endpoint> = []
HttpApi.reflect(Api, {
  onGroup: () => undefined,
  onEndpoint: ({ endpoint, group, middleware }) => {
    endpoints.push({
      name: `${group.identifier}.${endpoint.identifier}`,
      method: endpoint.method,
      path: endpoint.path.replaceAll(/:\w+/g, "784f394c-42b6-435a-983c-b7beff2784f9"),
      guarded: [...middleware].some(({ key }) => key === Authentication.key),
      scope: Option.getOrUndefined(Context.getOption(endpoint.annotations, RequiredScope))
    })
  }
})

const guarded = endpoints.filter((endpoint) => endpoint.guarded)

live("every endpoint requires the scope in the table", () =>
  Effect.sync(() => {
    expect(endpoints.filter((endpoint) => !endpoint.guarded).map(({ name }) => name)).toEqual([
      "system.index",
      "system.health",
      "system.healthV1",
      "system.ready"
    ])
    expect(Object.fromEntries(guarded.map(({ name, scope }) => [name, scope]))).toEqual({
      "devices.list": "devices:read",
      "devices.get": "devices:read",
      "devices.types": "devices:read",
      "assets.list": "assets:read",
      "assets.get": "assets:read",
      "assets.types": "assets:read",
      "graph.around": "graph:read",
      "graph.diagram": "graph:read",
      "telemetry.keys": "telemetry:read",
      "telemetry.latest": "telemetry:read",
      "telemetry.series": "telemetry:read",
      "telemetry.export": "telemetry:read",
      "telemetry.latestOfMany": "telemetry:read",
      "telemetry.exportMany": "telemetry:read",
      "telemetry.query": "telemetry:read",
      "telemetry.upload": "telemetry:write",
      "telemetry.bulk": "telemetry:write",
      "telemetry.import": "telemetry:write",
      "telemetry.importMany": "telemetry:write",
      "telemetry.batch": "telemetry:write",
      "attributes.read": "attributes:read",
      "attributes.writeServer": "attributes:write",
      "attributes.writeShared": "attributes:write"
    })
  })
)

live("every endpoint rejects a missing key, an unknown key, and a key with every scope but its own, before it checks anything else", () =>
  Effect.gen(function* () {
    const without = (scope: KeyScope) => `without-${scope.replace(":", "-")}`
    const only = (scope: KeyScope) => `only-${scope.replace(":", "-")}`
    const apiKeysFile = yield* writeKeyFile(
      Object.fromEntries(
        allScopes.flatMap((scope) => [
          [without(scope), { scopes: allScopes.filter((other) => other !== scope) }],
          [only(scope), { scopes: [scope] }]
        ])
      )
    )
    const { call, logs } = yield* gateway({ settings: { apiKeysFile } })
    for (const { method, name, path, scope } of guarded) {
      const asked = (key: string | null, headers: Record<string, string> = {}) => call(path, { method, key, headers })
      expect([name, (yield* asked(null)).status]).toEqual([name, 401])
      expect([name, (yield* asked("no such key")).status]).toEqual([name, 401])
      // A key is read from its own header only.
      expect([name, (yield* asked(null, { authorization: `Bearer ${keyOf(only(scope!))}` })).status]).toEqual([name, 401])
      expect([name, (yield* call(`${path}?x-api-key=${keyOf(only(scope!))}`, { method, key: null })).status]).toEqual([name, 401])
      const forbidden = yield* asked(keyOf(without(scope!)))
      expect([name, forbidden.status, forbidden.json.details]).toEqual([name, 403, { required_scope: scope }])
      expect([401, 403]).not.toContain((yield* asked(keyOf(only(scope!)))).status)
    }
    expect(logs.join("\n")).toContain("Security event: 403")
    expect(logs.join("\n")).not.toContain(keyOf("only").slice(0, 12))
  })
)
