/** The net of relations around an entity. */
import { Schema } from "effect"
import { EntityId, EntityType } from "./Ids.ts"

export const Direction = Schema.Literals(["FROM", "TO", "BOTH"]).annotate({
  identifier: "Direction",
  description: "FROM follows relations away from the root, TO towards it, BOTH takes them as undirected."
})
export type Direction = typeof Direction.Type

export const GraphNode = Schema.Struct({
  id: EntityId,
  type: EntityType,
  name: Schema.String.annotate({ description: "The entity's name; its id when it has none or may not be read." }),
  depth: Schema.Int.annotate({ description: "Steps from the root." })
}).annotate({ identifier: "GraphNode", description: "An entity of the graph." })
export type GraphNode = typeof GraphNode.Type

export const GraphEdge = Schema.Struct({ from: EntityId, to: EntityId, relation_type: Schema.String }).annotate({
  identifier: "GraphEdge",
  description: "A relation; every one appears once, in the direction in which it is stored."
})
export type GraphEdge = typeof GraphEdge.Type

export const Graph = Schema.Struct({
  root: EntityId,
  depth: Schema.Int.annotate({ description: "The greatest depth that was asked for." }),
  truncated: Schema.Boolean.annotate({ description: "Whether the node limit cut the graph." }),
  nodes: Schema.Array(GraphNode),
  edges: Schema.Array(GraphEdge)
}).annotate({ identifier: "Graph", description: "Entities around a root and the relations among them." })
export type Graph = typeof Graph.Type

export interface GraphQuery {
  readonly root: { readonly id: string; readonly entityType: EntityType }
  readonly maxDepth: number
  readonly direction: Direction
  /** Entity types to keep; the root is always kept. None means all. */
  readonly types: ReadonlyArray<EntityType>
  /** Relation types to follow. None means all. */
  readonly relationTypes: ReadonlyArray<string>
  readonly nodeLimit: number
}
