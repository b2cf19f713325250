import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Direction, Graph as GraphSchema, GraphRootType } from "../../domain/Graph.ts"
import { EntityId, EntityType } from "../../domain/Ids.ts"
import { storableText } from "../../domain/Telemetry.ts"
import { successFields } from "../Envelopes.ts"
import { Authentication, Expensive, RequiredScope } from "../middleware/Authentication.ts"
import { DeclaredParameters } from "../middleware/DeclaredParameters.ts"
import { RateLimit } from "../middleware/RateLimit.ts"
import { CommaList, defaults } from "../Parameters.ts"
import { EntityNotFound, upstreamProblems } from "../Problems.ts"

/** Which part of the graph to return. */
const graphQuery = {
  root_type: Schema.optionalKey(GraphRootType).annotateKey({ description: "Entity type of the root.", default: "DEVICE" }),
  max_depth: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })).annotate({
      description: "Maximum distance from the root, in relations.",
      default: defaults.maxDepth
    })
  ),
  direction: Schema.optionalKey(Direction).annotateKey({
    description: "Direction to follow: FROM away from the root, TO toward it, BOTH in either direction.",
    default: "BOTH"
  }),
  types: Schema.optionalKey(
    CommaList(EntityType).pipe(
      Schema.annotate({
        description:
          "Comma-separated list of entity types to include. The root is always included. Entities of other types are followed, but are not in the response and do not count towards `hard_node_limit`.",
        examples: [["DEVICE", "ASSET"]]
      })
    )
  ),
  relation_types: Schema.optionalKey(
    CommaList(Schema.String.check(Schema.isBetweenLength(1, 255), storableText("a relation type"))).pipe(
      Schema.annotate({ description: "Comma-separated list of relation types to follow.", examples: [["Contains"]] })
    )
  ),
  hard_node_limit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description:
        "Maximum number of nodes; the nearest ones are returned. If there are more, `truncated` is true, for the graph and for each node with missing neighbors, and `nodes_found` says how many were found.",
      default: defaults.nodeLimit
    })
  )
}

export class Graph extends HttpApiGroup.make("graph")
  .add(
    HttpApiEndpoint.get("around", "/graph/:root_id", {
      params: { root_id: EntityId },
      query: graphQuery,
      success: Schema.Struct({ ...successFields, ...GraphSchema.fields }).annotate({
        identifier: "GraphResult",
        description: "The graph around the root."
      }),
      error: [EntityNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "graph:read")
      .annotate(Expensive, "always")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getGraph",
          summary: "Get the relations around an entity",
          description:
            "Returns the entities within `max_depth` relations of the root, with their names, and the relations between them. Each entity and each relation appears once. Users, customers and tenants are left out, and not found as a root, unless the key also has the scope `users:read`."
        })
      ),
    HttpApiEndpoint.get("diagram", "/graph/:root_id/diagram", {
      params: { root_id: EntityId },
      query: {
        ...graphQuery,
        format: Schema.Literals(["mermaid", "dot"]).annotate({
          identifier: "DiagramFormat",
          description: "Language of the diagram: `mermaid` for Mermaid, `dot` for Graphviz.",
          examples: ["mermaid"]
        })
      },
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain" })),
      error: [EntityNotFound, ...upstreamProblems]
    })
      .annotate(RequiredScope, "graph:read")
      .annotate(Expensive, "always")
      .annotateMerge(
        OpenApi.annotations({
          identifier: "getGraphDiagram",
          summary: "Draw the relations around an entity",
          description: "Returns the same graph as the source text of a diagram."
        })
      )
  )
  .middleware(DeclaredParameters)
  .middleware(RateLimit)
  .middleware(Authentication)
  .annotateMerge(OpenApi.annotations({ title: "Graph", description: "Relations between entities." })) {}
