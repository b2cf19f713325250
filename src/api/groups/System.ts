import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { successFields } from "../Envelopes.ts"

const Health = Schema.Struct({ ...successFields, service: Schema.String, version: Schema.String }).annotate({
  identifier: "Health",
  description: "The process is alive.",
  examples: [{ status: "success", timestamp: 1_700_000_000_000, service: "Boardwalk", version: "0.1.0" }]
})

const Dependency = Schema.Struct({
  name: Schema.String,
  ok: Schema.Boolean,
  detail: Schema.String.annotate({ description: "One sentence; no hosts, no secrets." })
}).annotate({ identifier: "Dependency", description: "Something the gateway cannot work without." })

const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "not ready"]),
  timestamp: Schema.Int,
  dependencies: Schema.Array(Dependency)
}).annotate({ identifier: "Readiness", description: "Whether the gateway can serve." })
export type Readiness = typeof Readiness.Type

const health = (identifier: string, summary: string) =>
  OpenApi.annotations({ identifier, summary, description: "Answers while the process lives; never calls ThingsBoard." })

/** Open to everyone. */
export class System extends HttpApiGroup.make("system")
  .add(
    HttpApiEndpoint.get("index", "/", {
      success: Schema.Struct({
        ...successFields,
        name: Schema.String,
        version: Schema.String,
        links: Schema.Record(Schema.String, Schema.String)
      }).annotate({
        identifier: "Index",
        description: "Where things are."
      })
    }).annotateMerge(
      OpenApi.annotations({
        identifier: "getIndex",
        summary: "Where things are",
        description: "Name, version and the paths of the documentation and of the health checks."
      })
    ),
    HttpApiEndpoint.get("health", "/health", { success: Health }).annotateMerge(health("getHealth", "Liveness")),
    HttpApiEndpoint.get("healthV1", "/api/v1/health", { success: Health }).annotateMerge(
      health("getHealthV1", "Liveness, at a path with the version")
    ),
    HttpApiEndpoint.get("ready", "/ready", {
      success: [Readiness, Readiness.annotate({ identifier: "NotReady" }).pipe(HttpApiSchema.status(503))]
    }).annotateMerge(
      OpenApi.annotations({
        identifier: "getReadiness",
        summary: "Readiness",
        description: "200 when every dependency works, 503 when one does not."
      })
    )
  )
  .annotateMerge(OpenApi.annotations({ title: "System", description: "Liveness, readiness and where things are." })) {}
