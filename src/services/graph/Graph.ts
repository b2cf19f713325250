/** The net of relations around an entity: nearest nodes first, every edge once, with names. */
import { Context, Effect, Layer } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import type { Graph as GraphAnswer, GraphEdge, GraphNode, GraphQuery } from "../../domain/Graph.ts"
import { EntityId } from "../../domain/Ids.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { type Edge, RelationFinder, type Node } from "./RelationFinder.ts"
import { entityNames } from "../../thingsboard/requests/entityNames.ts"
import { HiddenNodes } from "./HiddenNodes.ts"
import { CurrentVisibility } from "../access/CurrentVisibility.ts"

interface Walked {
  /** By id, with the shortest distance from the root. */
  readonly depths: Map<string, Node & { readonly depth: number }>
  readonly edges: ReadonlyMap<string, Edge>
  truncated: boolean
}

const ends = (edge: Edge, direction: GraphQuery["direction"]): ReadonlyArray<readonly [from: Node, to: Node]> =>
  direction === "FROM"
    ? [[edge.from, edge.to]]
    : direction === "TO"
      ? [[edge.to, edge.from]]
      : [
          [edge.from, edge.to],
          [edge.to, edge.from]
        ]

/** Takes what lies one step behind the nodes of a depth; false when the limit left something out. */
const advance = (
  walked: Walked,
  hidden: HiddenNodes | undefined,
  { direction, maxDepth, nodeLimit }: GraphQuery,
  depth: number
): ReadonlyArray<Node> => {
  const found: Array<Node> = []
  for (const edge of walked.edges.values()) {
    for (const [near, far] of ends(edge, direction)) {
      if (walked.depths.get(near.id)?.depth !== depth || walked.depths.has(far.id)) continue
      if (depth >= maxDepth || hidden?.has(far.id)) continue
      if (walked.depths.size >= nodeLimit) walked.truncated = true
      else {
        walked.depths.set(far.id, { ...far, depth: depth + 1 })
        found.push(far)
      }
    }
  }
  return found
}

/** The nodes that may come next: those at the other end of a relation of a node that was met. */
const inReach = function* ({ depths, edges }: Walked) {
  for (const { from, to } of edges.values()) {
    if (depths.has(from.id)) yield to
    if (depths.has(to.id)) yield from
  }
}

const walk = Effect.fnUntraced(function* (query: GraphQuery, finder: RelationFinder, hidden: HiddenNodes | undefined) {
  const walked: Walked = { depths: new Map([[query.root.id, { ...query.root, depth: 0 }]]), edges: finder.edges, truncated: false }
  // One step more than asked for: relations among the outermost nodes belong to the graph as well.
  let frontier: ReadonlyArray<Node> = [query.root]
  for (let depth = 0; depth <= query.maxDepth && frontier.length > 0; depth++) {
    // Step by step where something is hidden: ThingsBoard would walk through it.
    if (query.maxDepth > 0) yield* finder.around(frontier, hidden === undefined ? query.maxDepth - depth + 1 : 1)
    if (hidden !== undefined && depth < query.maxDepth) yield* hidden.look(inReach(walked))
    frontier = advance(walked, hidden, query, depth)
  }
  return walked
})

export class Graph extends Context.Service<
  Graph,
  {
    /** EntityNotFound when the root does not exist or may not be seen; what else may not be seen is left out. */
    readonly around: (query: GraphQuery) => Effect.Effect<GraphAnswer, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/graph/Graph") {
  static readonly layer = Layer.effect(
    Graph,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      return {
        around: Effect.fn("Graph.around")(function* (query) {
          const root: GraphQuery["root"] = { ...query.root, id: query.root.id.toLowerCase() }
          const visibility = yield* CurrentVisibility
          if (root.entityType === "DEVICE") yield* access.guard(root.id, Effect.void)
          else if (visibility !== undefined && root.entityType !== "ASSET") return yield* new EntityNotFound(root)
          const hidden = visibility === undefined ? undefined : new HiddenNodes(thingsBoard, visibility)
          const finder = new RelationFinder(thingsBoard, query.direction, query.relationTypes, hidden)
          const walked = yield* walk({ ...query, root }, finder, hidden)
          const names = yield* entityNames(thingsBoard, [...walked.depths.values()])
          if (!names.has(root.id)) return yield* new EntityNotFound({ entityType: root.entityType, id: root.id })
          const kept = (node: Node) =>
            node.id === root.id || (names.has(node.id) && (query.types.length === 0 || query.types.includes(node.entityType)))
          const nodes: Array<GraphNode> = []
          for (const node of walked.depths.values()) {
            if (kept(node))
              nodes.push({ id: EntityId.make(node.id), type: node.entityType, name: names.get(node.id) ?? node.id, depth: node.depth })
          }
          const ids = new Set<string>(nodes.map(({ id }) => id))
          const edges: Array<GraphEdge> = []
          for (const edge of walked.edges.values()) {
            if (ids.has(edge.from.id) && ids.has(edge.to.id)) {
              edges.push({ from: EntityId.make(edge.from.id), to: EntityId.make(edge.to.id), relation_type: edge.type })
            }
          }
          return { root: EntityId.make(root.id), depth: query.maxDepth, truncated: walked.truncated || finder.incomplete, nodes, edges }
        })
      }
    })
  ).pipe(Layer.provide(DeviceAccess.layer))
}
