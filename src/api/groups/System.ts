import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { successFields } from "../Envelopes.ts"
import { DirectRoute } from "../middleware/DirectRoute.ts"

const Health = Schema.Struct({ ...successFields, service: Schema.String, version: Schema.String }).annotate({
  identifier: "Health",
  description: "The gateway process is running.",
  examples: [{ status: "success", timestamp: 1_700_000_000_000, service: "Boardwalk", version: "0.1.0" }]
})

const Dependency = Schema.Struct({
  name: Schema.String,
  ok: Schema.Boolean,
  detail: Schema.String.annotate({ description: "One sentence about the state. It contains no host names or secrets." })
}).annotate({ identifier: "Dependency", description: "A service that the gateway depends on." })

const ThingsBoardCalls = Schema.Struct({
  in_flight: Schema.Int,
  max_in_flight: Schema.Int.annotate({ description: "TB_MAX_CONNECTIONS." }),
  waiting: Schema.Int,
  max_waiting: Schema.Int.annotate({ description: "TB_MAX_QUEUE. Beyond it, requests get 503." }),
  circuit_open: Schema.Boolean.annotate({ description: "ThingsBoard has failed so often that no calls are made for a while." }),
  paused_users: Schema.Int.annotate({
    description:
      "Users of ThingsBoard, the gateway's own or those of keys, for whom no calls are made at the moment, because ThingsBoard limits their rate (429)."
  })
}).annotate({ identifier: "ThingsBoardCalls", description: "Calls to ThingsBoard at this moment, apart from logins." })

const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "not ready"]).annotate({
    identifier: "ReadinessStatus",
    description: "Whether every dependency is available."
  }),
  timestamp: Schema.Int,
  dependencies: Schema.Array(Dependency),
  thingsboard_calls: ThingsBoardCalls
}).annotate({ identifier: "Readiness", description: "Whether the gateway can serve requests." })
export type Readiness = typeof Readiness.Type

const health = (identifier: string, summary: string) =>
  OpenApi.annotations({
    identifier,
    summary,
    description: "Responds with 200 as long as the gateway process is running. It does not call ThingsBoard."
  })

/** Endpoints that need no key. */
export class System extends HttpApiGroup.make("system")
  .add(
    HttpApiEndpoint.get("index", "/", {
      success: Schema.Struct({
        ...successFields,
        name: Schema.String,
        version: Schema.String,
        links: Schema.Record(Schema.String, Schema.String)
      }).annotate({
        identifier: "GatewayInfo",
        description: "Name and version of the gateway, and links."
      })
    }).annotateMerge(
      OpenApi.annotations({
        identifier: "getIndex",
        summary: "Gateway index",
        description: "Returns the name and version of the gateway, and the paths of the API, the documentation and the health checks."
      })
    ),
    HttpApiEndpoint.get("health", "/health", { success: Health })
      .annotate(DirectRoute, true)
      .annotateMerge(health("getHealth", "Check liveness")),
    HttpApiEndpoint.get("healthV1", "/api/v1/health", { success: Health })
      .annotate(DirectRoute, true)
      .annotateMerge(health("getHealthV1", "Check liveness (versioned path)")),
    HttpApiEndpoint.get("ready", "/ready", {
      success: [Readiness, Readiness.pipe(HttpApiSchema.status(503))]
    }).annotateMerge(
      OpenApi.annotations({
        identifier: "getReadiness",
        summary: "Check readiness",
        description: "Responds with 200 if every dependency is available, and with 503 if one is not."
      })
    )
  )
  .annotateMerge(OpenApi.annotations({ title: "System", description: "Index, liveness and readiness. These endpoints need no key." })) {}
