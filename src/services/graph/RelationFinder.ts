/**
 * Finds relations in few calls. ThingsBoard can walk many levels from one root per call, in one direction, and then returns all edges;
 * for many roots at once it returns only their neighbors. To find the edges of a large set of nodes, the finder asks for all their
 * neighbors at once, and walks back from those neighbors that it has not walked from yet. The number of calls therefore grows with the
 * number of hubs, not with the number of nodes.
 */
import { Effect } from "effect"
import type { Direction } from "../../domain/Graph.ts"
import type { Steps } from "../../domain/Steps.ts"
import type { EventLoop } from "../../platform/EventLoop.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { findNeighbors, neighborQueries, type RelationDirection, walkRelations } from "../../thingsboard/requests/relations.ts"
import type { Relations } from "../../thingsboard/responses/relations.ts"
import type { HiddenNodes } from "./HiddenNodes.ts"
import { type Edge, edgeKey, type Node } from "./model.ts"

const opposite = { FROM: "TO", TO: "FROM" } as const

/** Up to this many nodes are walked one by one: finding their neighbors first would take as many calls. */
const maxSingleWalks = 4
const concurrency = 8
/** Relations between two looks at the clock. */
const perLook = 64

/** A root that does not exist has no relations; whoever asks for the graph notices it by its missing name. */
interface Walk {
  readonly root: Node
  readonly direction: RelationDirection
  readonly levels: number
  /** Whether it may find nodes whose names are not known. */
  readonly withNames: boolean
}

/** The graph whose outermost nodes are looked at last. */
interface Outermost {
  /** Its nodes, by id. */
  readonly nodes: ReadonlyMap<string, Node>
  readonly root: Node
  /** The distance of the outermost nodes from the root. */
  readonly levels: number
}

export class RelationFinder {
  /** The edges found so far, by `edgeKey`. */
  readonly edges = new Map<string, Edge>()
  /** The names of the nodes that were found, by id; the root's name is not among them. */
  readonly names = new Map<string, string>()
  /** Per direction and node id: how many levels of relations from the node are in `edges`. */
  private readonly knownLevels = { FROM: new Map<string, number>(), TO: new Map<string, number>() }
  /** Whether ThingsBoard has more neighbors than were read. */
  incomplete = false
  private readonly thingsBoard: ThingsBoardShape
  private readonly directions: ReadonlyArray<RelationDirection>
  private readonly relationTypes: ReadonlyArray<string>
  private readonly hidden: HiddenNodes | undefined
  private readonly eventLoop: EventLoop["Service"]

  constructor(
    thingsBoard: ThingsBoardShape,
    /** Where the relations of a hub are followed in steps. */
    eventLoop: EventLoop["Service"],
    direction: Direction,
    /** Relation types to find; empty for all. */
    relationTypes: ReadonlyArray<string>,
    /** Nodes whose relations are not looked up. */
    hidden?: HiddenNodes
  ) {
    this.hidden = hidden
    this.eventLoop = eventLoop
    this.thingsBoard = thingsBoard
    this.directions = direction === "BOTH" ? ["FROM", "TO"] : [direction]
    this.relationTypes = relationTypes
  }

  /** Finds all relations of the nodes. `levels` says how many levels the search may need in total, to fetch them at once. */
  findRelations(nodes: ReadonlyArray<Node>, levels: number): Effect.Effect<void, ThingsBoardError> {
    const unknown = this.directions.map((direction) => ({ direction, nodes: nodes.filter((node) => !this.isKnown(node, direction)) }))
    return unknown.every(({ nodes }) => nodes.length <= maxSingleWalks)
      ? this.walkAll(unknown.flatMap(({ direction, nodes }) => nodes.map((root) => ({ root, direction, levels, withNames: true }))))
      : Effect.forEach(unknown, ({ direction, nodes }) => this.findInDirection(nodes, direction, levels), { discard: true })
  }

  /**
   * Finds the relations of the outermost nodes with nodes of the graph. Most of their other relations are not read: a level more would be
   * the largest of all, for relations that the graph does not have.
   *
   * Such a relation is found at the node that it ends at, if that takes no more calls: an entity has many children, but few parents.
   */
  findRelationsAmong(outermost: ReadonlyArray<Node>, graph: Outermost): Effect.Effect<void, ThingsBoardError> {
    const [only] = this.directions.length === 1 ? this.directions : []
    // Of the inner nodes, a search in one direction knows only the relations in that direction.
    const ends = only === "FROM" ? [...graph.nodes.values()] : outermost
    return only !== "FROM" || neighborQueries(ends) <= neighborQueries(outermost)
      ? this.findAmong(outermost, ends, "TO", graph)
      : this.findAmong(outermost, outermost, "FROM", graph)
  }

  /** Looks for the relations at `ends`; `direction` is that from `ends` to the nodes at the other end. */
  private findAmong(
    outermost: ReadonlyArray<Node>,
    ends: ReadonlyArray<Node>,
    direction: RelationDirection,
    { levels, nodes, root }: Outermost
  ) {
    const [searched = "FROM"] = this.directions
    const unknown = outermost.filter((node) => !this.isKnown(node, searched))
    const walks = (nodes: ReadonlyArray<Node>, direction: RelationDirection) =>
      this.walkAll(nodes.map((root) => ({ root, direction, levels: 1, withNames: false })))
    if (unknown.length < 2) return walks(unknown, searched)
    const back = opposite[direction]
    /** A walk from the root reaches all nodes only in one direction, and must not pass through hidden nodes. */
    const isInOneWalk = this.directions.length === 1 && this.hidden === undefined
    const walkFurther = Effect.suspend(() =>
      isInOneWalk ? this.walkAll([{ root, direction: searched, levels: levels + 1, withNames: false }]) : walks(unknown, searched)
    )
    const types = [...new Set(Array.from(nodes.values(), ({ entityType }) => entityType))]
    return findNeighbors(this.thingsBoard, ends, direction, types).pipe(
      Effect.flatMap(({ entities, incomplete }) => {
        const others = entities.filter((node) => nodes.has(node.id) && !this.isKnown(node, back))
        const isCheaper = others.length <= maxSingleWalks || (!isInOneWalk && others.length < unknown.length)
        return isCheaper && !incomplete ? walks(others, back) : walkFurther
      }),
      Effect.catchIf(
        ({ reason }) => reason._tag === "Rejected",
        () => walkFurther
      )
    )
  }

  private findInDirection(nodes: ReadonlyArray<Node>, direction: RelationDirection, levels: number): Effect.Effect<void, ThingsBoardError> {
    const walks = (roots: ReadonlyArray<Node>, direction: RelationDirection, levels: number) =>
      this.walkAll(roots.map((root) => ({ root, direction, levels, withNames: true })))
    if (nodes.length <= maxSingleWalks) return walks(nodes, direction, levels)
    const back = opposite[direction]
    return this.findNeighbors(nodes, direction).pipe(
      Effect.flatMap((neighbors) => this.withoutHidden(neighbors)),
      Effect.flatMap((neighbors) => {
        const ends = neighbors.filter((node) => !this.isKnown(node, back))
        // From whichever side has fewer nodes.
        return ends.length < nodes.length ? walks(ends, back, 1) : walks(nodes, direction, 1)
      }),
      Effect.andThen(Effect.sync(() => nodes.forEach(({ id }) => this.knownLevels[direction].set(id, 1)))),
      // A ThingsBoard release that does not accept several roots: one walk per node.
      Effect.catchIf(
        ({ reason }) => reason._tag === "Rejected",
        () => walks(nodes, direction, 1)
      )
    )
  }

  private isKnown({ id }: Node, direction: RelationDirection): boolean {
    return (this.knownLevels[direction].get(id) ?? 0) >= 1
  }

  private withoutHidden(nodes: ReadonlyArray<Node>): Effect.Effect<ReadonlyArray<Node>, ThingsBoardError> {
    const { hidden } = this
    if (hidden === undefined) return Effect.succeed(nodes)
    return Effect.map(hidden.check(nodes), () => nodes.filter(({ id }) => !hidden.has(id)))
  }

  /** What the walks find is added in their order, not in the order of the responses: the node limit keeps the same nodes each time. */
  private walkAll(walks: ReadonlyArray<Walk>): Effect.Effect<void, ThingsBoardError> {
    const { eventLoop, thingsBoard } = this
    return Effect.forEach(
      walks,
      ({ direction, levels, root, withNames }) => walkRelations(thingsBoard, root, direction, levels, { withNames }),
      {
        concurrency
      }
    ).pipe(
      Effect.flatMap((found) =>
        Effect.forEach(found, (found, i) => eventLoop.run(() => this.addRelations(walks[i]!, found)), { discard: true })
      )
    )
  }

  /** After a walk of n levels, n levels are known from the root, n - 1 from the nodes one step away, and so on. */
  private *addRelations({ direction, levels, root }: Walk, { names, relations }: Relations): Steps<void> {
    const { isTurnOver } = this.eventLoop
    const types = new Set(this.relationTypes)
    const next = new Map<string, Array<string>>()
    let n = 0
    for (const [id, name] of names) {
      if (++n % perLook === 0 && isTurnOver()) yield
      this.names.set(id, name)
    }
    for (const edge of relations) {
      if (++n % perLook === 0 && isTurnOver()) yield
      if (types.size > 0 && !types.has(edge.type)) continue
      this.edges.set(edgeKey(edge), edge)
      const [near, far] = direction === "FROM" ? [edge.from.id, edge.to.id] : [edge.to.id, edge.from.id]
      const ids = next.get(near)
      if (ids === undefined) next.set(near, [far])
      else ids.push(far)
    }
    const known = this.knownLevels[direction]
    let frontier: ReadonlyArray<string> = [root.id]
    for (let remaining = levels; remaining > 0 && frontier.length > 0; remaining--) {
      const beyond: Array<string> = []
      for (const id of frontier) {
        if (++n % perLook === 0 && isTurnOver()) yield
        if ((known.get(id) ?? 0) >= remaining) continue
        known.set(id, remaining)
        for (const far of next.get(id) ?? []) beyond.push(far)
      }
      frontier = beyond
    }
  }

  private findNeighbors(nodes: ReadonlyArray<Node>, direction: RelationDirection): Effect.Effect<ReadonlyArray<Node>, ThingsBoardError> {
    return Effect.map(findNeighbors(this.thingsBoard, nodes, direction), ({ entities, incomplete, names }) => {
      this.incomplete ||= incomplete
      for (const [id, name] of names) this.names.set(id, name)
      return entities
    })
  }
}
