import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Direction, Graph as GraphSchema } from "../../domain/Graph.ts"
import { EntityId, EntityType } from "../../domain/Ids.ts"
import { successFields } from "../Envelopes.ts"
import { Authentication, RequiredScope } from "../middleware/Authentication.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { CommaList, defaults } from "../Parameters.ts"
import { EntityNotFound, upstreamProblems } from "../Problems.ts"

export class Graph extends HttpApiGroup.make("graph")
  .add(
    HttpApiEndpoint.get("around", "/graph/:root_id", {
      params: { root_id: EntityId },
      query: {
        root_type: Schema.optionalKey(EntityType.annotate({ description: "Type of the root.", default: "DEVICE" })),
        max_depth: Schema.optionalKey(
          Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).annotate({
            description: "Steps from the root.",
            default: defaults.maxDepth
          })
        ),
        direction: Schema.optionalKey(Direction.annotate({ default: "BOTH" })),
        types: Schema.optionalKey(
          CommaList(EntityType).pipe(
            Schema.annotate({ description: "Comma list of entity types to keep; the root always stays.", examples: [["DEVICE", "ASSET"]] })
          )
        ),
        relation_types: Schema.optionalKey(
          CommaList(Schema.String.check(Schema.isBetweenLength(1, 255))).pipe(
            Schema.annotate({ description: "Comma list of relation types to follow.", examples: [["Contains"]] })
          )
        ),
        hard_node_limit: Schema.optionalKey(
          Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
            description: "Nodes at the most; `truncated` tells when it cut.",
            default: defaults.nodeLimit
          })
        ),
        format: Schema.optionalKey(
          Schema.Literals(["json", "mermaid", "dot"]).annotate({
            description: "JSON, or a drawing for Mermaid or Graphviz.",
            default: "json"
          })
        )
      },
      success: [
        Schema.Struct({ ...successFields, ...GraphSchema.fields }).annotate({
          identifier: "GraphResult",
          description: "The graph around a root."
        }),
        Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/vnd.mermaid" })),
        Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/vnd.graphviz" }))
      ],
      error: [EntityNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "graph:read")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getGraph",
          summary: "Walk the relations around an entity",
          description: "Entities within `max_depth` steps of the root and the relations among them, each once, with names."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Graph", description: "How entities relate to each other." })) {}
