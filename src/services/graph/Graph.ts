/** The graph of relations around an entity: nearest nodes first, every edge once, with names. */
import { Context, Effect, Layer } from "effect"
import { EntityNotFound } from "../../domain/Errors.ts"
import { type Graph as GraphResult, type GraphEdge, type GraphNode, type GraphQuery, personalTypes } from "../../domain/Graph.ts"
import { EntityId, EntityType } from "../../domain/Ids.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { EventLoop } from "../../platform/EventLoop.ts"
import { withServiceSpan } from "../../platform/tracing.ts"
import { ThingsBoard } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { canLookUp, entityNames } from "../../thingsboard/requests/entityNames.ts"
import { AssetAccess } from "../access/AssetAccess.ts"
import { CurrentVisibility } from "../access/CurrentVisibility.ts"
import { DeviceAccess } from "../access/DeviceAccess.ts"
import { HiddenNodes } from "./HiddenNodes.ts"
import type { Edge, Node } from "./model.ts"
import { RelationFinder } from "./RelationFinder.ts"

interface Search {
  /** The nodes found so far, by id, with their shortest distance from the root. */
  readonly nodes: Map<string, Node & { readonly depth: number }>
  readonly edges: ReadonlyMap<string, Edge>
  /** How many of the nodes are of the requested types: only these count towards the limit. */
  kept: number
  /** The nodes that the limit left out. */
  readonly leftOut: Set<string>
  /** The nodes with neighbors that are not in the graph because of the limit. */
  readonly cutOff: Set<string>
}

/** Nodes of other types are passed through, up to this number of nodes in all. */
const maxVisited = 20_000

/** Relations between two looks at the clock. */
const perLook = 64

/** The ways in which the search follows an edge. */
const steps = ({ from, to }: Edge, direction: GraphQuery["direction"]): ReadonlyArray<readonly [near: Node, far: Node]> => {
  const forward = [from, to] as const
  const backward = [to, from] as const
  return direction === "FROM" ? [forward] : direction === "TO" ? [backward] : [forward, backward]
}

const knownTypes: ReadonlySet<string> = new Set(EntityType.literals)

/** Whether nodes of a type may be in the graph at all. ThingsBoard has more types than the API. */
const isAllowed = ({ entityType }: Node, { readsUsers = false }: GraphQuery) =>
  knownTypes.has(entityType) && (readsUsers || !personalTypes.has(entityType))

/** Whether nodes of this type were requested. */
const hasType = ({ entityType }: Node, { types }: GraphQuery) => types.length === 0 || types.includes(entityType)

/** Adds the nodes one step beyond the nodes of a depth, and returns them. */
function* advance(
  search: Search,
  hidden: HiddenNodes | undefined,
  query: GraphQuery,
  depth: number,
  isTurnOver: IsTurnOver
): Steps<ReadonlyArray<Node>> {
  const { direction, maxDepth, nodeLimit } = query
  const found: Array<Node> = []
  let n = 0
  for (const edge of search.edges.values()) {
    if (++n % perLook === 0 && isTurnOver()) yield
    for (const [near, far] of steps(edge, direction)) {
      if (search.nodes.get(near.id)?.depth !== depth || search.nodes.has(far.id)) continue
      if (depth >= maxDepth || !isAllowed(far, query) || hidden?.has(far.id)) continue
      const isRequested = hasType(far, query)
      if (isRequested ? search.kept >= nodeLimit : search.nodes.size >= Math.max(maxVisited, nodeLimit)) {
        if (isRequested) search.leftOut.add(far.id)
        search.cutOff.add(near.id)
        continue
      }
      if (isRequested) search.kept++
      search.nodes.set(far.id, { ...far, depth: depth + 1 })
      found.push(far)
    }
  }
  return found
}

/** The nodes at the other end of a relation of a node that was found. */
const candidates = function* ({ edges, nodes }: Search) {
  for (const { from, to } of edges.values()) {
    if (nodes.has(from.id)) yield to
    if (nodes.has(to.id)) yield from
  }
}

const searchAround = Effect.fnUntraced(function* (
  eventLoop: EventLoop["Service"],
  query: GraphQuery,
  finder: RelationFinder,
  hidden: HiddenNodes | undefined
) {
  const search: Search = {
    nodes: new Map([[query.root.id, { ...query.root, depth: 0 }]]),
    edges: finder.edges,
    kept: 1,
    leftOut: new Set(),
    cutOff: new Set()
  }
  let frontier: ReadonlyArray<Node> = [query.root]
  for (let depth = 0; depth < query.maxDepth && frontier.length > 0; depth++) {
    // With hidden nodes, only one level per call: ThingsBoard would walk through the hidden nodes.
    yield* finder.findRelations(frontier, hidden === undefined ? query.maxDepth - depth : 1)
    if (hidden !== undefined) yield* hidden.check(candidates(search))
    frontier = yield* eventLoop.run(() => advance(search, hidden, query, depth, eventLoop.isTurnOver))
  }
  // Relations among the outermost nodes belong to the graph as well.
  if (query.maxDepth > 0 && frontier.length > 0) {
    yield* finder.findRelationsAmong(frontier, { nodes: search.nodes, root: query.root, levels: query.maxDepth })
  }
  return search
})

/** The relations whose both ends are in the graph. */
function* edgesAmong(ids: ReadonlySet<string>, all: Search["edges"], isTurnOver: IsTurnOver): Steps<ReadonlyArray<GraphEdge>> {
  const edges: Array<GraphEdge> = []
  let n = 0
  for (const { from, to, type } of all.values()) {
    if (++n % perLook === 0 && isTurnOver()) yield
    if (ids.has(from.id) && ids.has(to.id)) edges.push({ from: EntityId.make(from.id), to: EntityId.make(to.id), relation_type: type })
  }
  return edges
}

export class Graph extends Context.Service<
  Graph,
  {
    /** Fails with EntityNotFound if the root does not exist or is not visible. Other entities that are not visible are left out. */
    readonly around: (query: GraphQuery) => Effect.Effect<GraphResult, EntityNotFound | ThingsBoardError>
  }
>()("boardwalk/services/graph/Graph") {
  static readonly layer = Layer.effect(
    Graph,
    Effect.gen(function* () {
      const thingsBoard = yield* ThingsBoard
      const access = yield* DeviceAccess
      const eventLoop = yield* EventLoop
      const assetAccess = yield* AssetAccess
      /** Fails if the root does not exist, or ThingsBoard's user may not see it. */
      const nameOf = (root: GraphQuery["root"]) =>
        Effect.flatMap(entityNames(thingsBoard, [root]), (names): Effect.Effect<string, EntityNotFound> =>
          names.has(root.id) ? Effect.succeed(names.get(root.id)!) : Effect.fail(new EntityNotFound(root))
        )
      return {
        around: Effect.fnUntraced(function* (query) {
          const root: GraphQuery["root"] = { ...query.root, id: query.root.id.toLowerCase() }
          const visibility = yield* CurrentVisibility
          if (!isAllowed(root, query)) return yield* new EntityNotFound(root)
          if (root.entityType === "DEVICE") yield* access.guard(root.id, Effect.void)
          else if (root.entityType === "ASSET") yield* assetAccess.requireVisible(root.id)
          else if (visibility !== undefined || !(yield* canLookUp(thingsBoard, root.entityType))) {
            return yield* new EntityNotFound(root)
          }
          // Even if no asset turns up: the number of calls must not tell whether a hidden one is near.
          const assets = yield* assetAccess.visibleIds
          const hidden = visibility === undefined ? undefined : new HiddenNodes(thingsBoard, visibility, assets)
          const finder = new RelationFinder(thingsBoard, eventLoop, query.direction, query.relationTypes, hidden)
          // A walk returns the names of all nodes but the root.
          const [rootName, search] = yield* Effect.all([nameOf(root), searchAround(eventLoop, { ...query, root }, finder, hidden)], {
            concurrency: 2
          })
          const kept = [...search.nodes.values()].filter((node) => node.id === root.id || hasType(node, query))
          const names = yield* entityNames(thingsBoard, kept, finder.names.set(root.id, rootName))
          const nodes: Array<GraphNode> = []
          for (const { depth, entityType, id } of kept) {
            const name = names.get(id)
            if (name !== undefined) nodes.push({ id: EntityId.make(id), type: entityType, name, depth, truncated: search.cutOff.has(id) })
          }
          const ids = new Set<string>(nodes.map(({ id }) => id))
          const edges = yield* eventLoop.run(() => edgesAmong(ids, search.edges, eventLoop.isTurnOver))
          return {
            root: EntityId.make(root.id),
            depth: query.maxDepth,
            truncated: search.cutOff.size > 0 || finder.incomplete,
            nodes_found: nodes.length + search.leftOut.size,
            nodes,
            edges
          }
        }, withServiceSpan("Graph.around"))
      }
    })
  ).pipe(Layer.provide(Layer.merge(DeviceAccess.layer, AssetAccess.layer)))
}
