/** The graph of relations around an entity. */
import { Schema } from "effect"
import { EntityId, EntityType } from "./Ids.ts"

export const Direction = Schema.Literals(["FROM", "TO", "BOTH"]).annotate({
  identifier: "Direction",
  description: "FROM follows relations away from the root, TO follows relations toward it, BOTH ignores their direction."
})
export type Direction = typeof Direction.Type

const isRootType = (type: EntityType): type is Exclude<EntityType, "ALARM" | "RULE_NODE"> => type !== "ALARM" && type !== "RULE_NODE"

/** Entity queries cannot look up an alarm or a rule node, so nothing would tell whether such a root exists. */
export const GraphRootType = Schema.Literals(EntityType.literals.filter(isRootType)).annotate({
  identifier: "GraphRootType",
  description: "Entity types that the root of a graph can have. Alarms and rule nodes can only be other nodes."
})
export type GraphRootType = typeof GraphRootType.Type

export const GraphNode = Schema.Struct({
  id: EntityId,
  type: EntityType,
  name: Schema.String.annotate({
    description: "Name of the entity; its id if it is an alarm or a rule node, or if its name cannot be read."
  }),
  depth: Schema.Int.annotate({ description: "Distance from the root, in relations." }),
  truncated: Schema.Boolean.annotate({ description: "Whether neighbors of this node are missing because of the node limit." })
}).annotate({ identifier: "GraphNode", description: "An entity of the graph." })
export type GraphNode = typeof GraphNode.Type

export const GraphEdge = Schema.Struct({ from: EntityId, to: EntityId, relation_type: Schema.String }).annotate({
  identifier: "GraphEdge",
  description: "A relation. Each relation appears once, in its stored direction."
})
export type GraphEdge = typeof GraphEdge.Type

export const Graph = Schema.Struct({
  root: EntityId,
  depth: Schema.Int.annotate({ description: "The requested `max_depth`." }),
  truncated: Schema.Boolean.annotate({ description: "Whether nodes are missing because of the node limit." }),
  nodes_found: Schema.Int.annotate({
    description:
      "How many nodes the search found: those in `nodes`, and the neighbors that the node limit left out. Relations of the latter were not followed, so there may be more."
  }),
  nodes: Schema.Array(GraphNode),
  edges: Schema.Array(GraphEdge)
}).annotate({ identifier: "Graph", description: "Entities around a root and the relations between them." })
export type Graph = typeof Graph.Type

/** Entities whose names are those of people and organizations: a user's name is an e-mail address. Graphs show them only to keys with `users:read`. */
export const personalTypes: ReadonlySet<string> = new Set<EntityType>(["USER", "CUSTOMER", "TENANT"])

export interface GraphQuery {
  readonly root: { readonly id: string; readonly entityType: EntityType }
  /** Maximum distance from the root, in relations. */
  readonly maxDepth: number
  readonly direction: Direction
  /** Entity types to keep; an empty list means all. The root is always kept. */
  readonly types: ReadonlyArray<EntityType>
  /** Relation types to follow; an empty list means all. */
  readonly relationTypes: ReadonlyArray<string>
  /** Whether users, customers and tenants may be in the graph; false by default. */
  readonly readsUsers?: boolean
  /** Maximum number of nodes of these types, including the root. */
  readonly nodeLimit: number
}
