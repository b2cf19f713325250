import { Clock, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "../../api/Api.ts"
import { defaults } from "../../api/Parameters.ts"
import { CurrentCaller } from "../../api/middleware/Authentication.ts"
import { toDot, toMermaid } from "../../formats/GraphText.ts"
import { Graph } from "../../services/graph/Graph.ts"
import { asEntityProblem } from "../response/toProblem.ts"

export const GraphLayer = HttpApiBuilder.group(
  Api,
  "graph",
  Effect.fnUntraced(function* (handlers) {
    const graphs = yield* Graph
    return handlers.handle("around", ({ params, query }) =>
      Effect.flatMap(CurrentCaller, ({ scopes }) =>
        graphs.around({
          root: { id: params.root_id, entityType: query.root_type ?? "DEVICE" },
          maxDepth: query.max_depth ?? defaults.maxDepth,
          direction: query.direction ?? "BOTH",
          types: query.types ?? [],
          relationTypes: query.relation_types ?? [],
          readsUsers: scopes.has("users:read"),
          nodeLimit: query.hard_node_limit ?? defaults.nodeLimit
        })
      ).pipe(
        Effect.flatMap((graph) =>
          Effect.map(Clock.currentTimeMillis, (timestamp) => {
            if (query.format === "mermaid")
              return HttpServerResponse.raw(toMermaid(graph), { contentType: "text/vnd.mermaid; charset=utf-8" })
            if (query.format === "dot") return HttpServerResponse.raw(toDot(graph), { contentType: "text/vnd.graphviz; charset=utf-8" })
            return { status: "success" as const, timestamp, ...graph }
          })
        ),
        Effect.catch(asEntityProblem)
      )
    )
  })
)
