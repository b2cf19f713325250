import { Clock, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { defaults } from "../../api/Parameters.ts"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import type { Direction } from "../../domain/Graph.ts"
import type { EntityId, EntityType } from "../../domain/Ids.ts"
import { toDot, toMermaid } from "../../formats/GraphText.ts"
import { Graph } from "../../services/graph/Graph.ts"
import { asEntityProblem } from "../response/toProblem.ts"

const diagramWriters = { mermaid: toMermaid, dot: toDot }

interface GraphParameters {
  readonly root_type?: EntityType
  readonly max_depth?: number
  readonly direction?: Direction
  readonly types?: ReadonlyArray<EntityType>
  readonly relation_types?: ReadonlyArray<string>
  readonly hard_node_limit?: number
}

const toGraphQuery = (id: EntityId, query: GraphParameters, readsUsers: boolean) => ({
  root: { id, entityType: query.root_type ?? "DEVICE" },
  maxDepth: query.max_depth ?? defaults.maxDepth,
  direction: query.direction ?? "BOTH",
  types: query.types ?? [],
  relationTypes: query.relation_types ?? [],
  readsUsers,
  nodeLimit: query.hard_node_limit ?? defaults.nodeLimit
})

export const GraphLayer = HttpApiBuilder.group(
  Api,
  "graph",
  Effect.fnUntraced(function* (handlers) {
    const graphs = yield* Graph
    const findGraph = (id: EntityId, query: GraphParameters) =>
      Effect.flatMap(CurrentCaller, ({ scopes }) => graphs.around(toGraphQuery(id, query, scopes.has("users:read"))))
    return handlers
      .handle("around", ({ params, query }) =>
        findGraph(params.root_id, query).pipe(
          Effect.flatMap((graph) =>
            Effect.map(Clock.currentTimeMillis, (timestamp) => ({ status: "success" as const, timestamp, ...graph }))
          ),
          Effect.catch(asEntityProblem)
        )
      )
      .handle("diagram", ({ params, query }) =>
        findGraph(params.root_id, query).pipe(
          Effect.map((graph) => HttpServerResponse.raw(diagramWriters[query.format](graph), { contentType: "text/plain; charset=utf-8" })),
          Effect.catch(asEntityProblem)
        )
      )
  })
)
