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
import { findNeighbors, type RelationDirection, walkRelations } from "../../thingsboard/requests/relations.ts"
import type { HiddenNodes } from "./HiddenNodes.ts"
import { type Edge, edgeKey, type Node } from "./model.ts"

const opposite = { FROM: "TO", TO: "FROM" } as const

/** Up to this many nodes are walked one by one: finding their neighbors first would take as many calls. */
const maxSingleWalks = 4
const concurrency = 8
/** Relations between two looks at the clock. */
const perLook = 64

/** The graph whose outermost nodes are looked at last. */
interface Outermost {
  readonly has: (id: string) => boolean
  /** The types of its nodes. */
  readonly types: ReadonlyArray<Node["entityType"]>
  readonly root: Node
  /** The distance of the outermost nodes from the root. */
  readonly levels: number
}

export class RelationFinder {
  /** The edges found so far, by `edgeKey`. */
  readonly edges = new Map<string, Edge>()
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
    return Effect.forEach(this.directions, (direction) => this.findInDirection(nodes, direction, levels), { discard: true })
  }

  /**
   * Finds the relations of the outermost nodes with nodes of the graph, which `has` tells. Most of their other relations are not read: a level
   * more would be the largest of all, for relations that the graph does not have.
   */
  findRelationsAmong(nodes: ReadonlyArray<Node>, graph: Outermost): Effect.Effect<void, ThingsBoardError> {
    // In both directions, every relation between outermost nodes starts at one of them; those of the inner nodes are known.
    const directions = this.directions.length === 1 ? this.directions : (["FROM"] as const)
    return Effect.forEach(directions, (direction) => this.findAmong(nodes, direction, graph), { discard: true })
  }

  private findAmong(nodes: ReadonlyArray<Node>, direction: RelationDirection, { has, levels, root, types }: Outermost) {
    const unknown = nodes.filter((node) => !this.isKnown(node, direction))
    if (unknown.length < 2) return this.walkAll(unknown, direction, 1)
    const back = opposite[direction]
    /** A walk from the root reaches all nodes only in one direction, and must not pass through hidden nodes. */
    const isInOneWalk = this.directions.length === 1 && this.hidden === undefined
    const walkFurther = Effect.suspend(() => (isInOneWalk ? this.walk(root, direction, levels + 1) : this.walkAll(unknown, direction, 1)))
    return findNeighbors(this.thingsBoard, unknown, direction, types).pipe(
      Effect.flatMap(({ entities, incomplete }) => {
        const ends = entities.filter((node) => has(node.id) && !this.isKnown(node, back))
        const isCheaper = ends.length <= maxSingleWalks || (!isInOneWalk && ends.length < unknown.length)
        return isCheaper && !incomplete ? this.walkAll(ends, back, 1) : walkFurther
      }),
      Effect.catchIf(
        ({ reason }) => reason._tag === "Rejected",
        () => walkFurther
      )
    )
  }

  private findInDirection(nodes: ReadonlyArray<Node>, direction: RelationDirection, levels: number): Effect.Effect<void, ThingsBoardError> {
    const unknown = nodes.filter((node) => !this.isKnown(node, direction))
    if (unknown.length <= maxSingleWalks) return this.walkAll(unknown, direction, levels)
    const back = opposite[direction]
    return this.findNeighbors(unknown, direction).pipe(
      Effect.flatMap((neighbors) => this.withoutHidden(neighbors)),
      Effect.flatMap((neighbors) => {
        const ends = neighbors.filter((node) => !this.isKnown(node, back))
        // From whichever side has fewer nodes.
        return ends.length < unknown.length ? this.walkAll(ends, back, 1) : this.walkAll(unknown, direction, 1)
      }),
      Effect.andThen(Effect.sync(() => unknown.forEach(({ id }) => this.knownLevels[direction].set(id, 1)))),
      // A ThingsBoard release that does not accept several roots: one walk per node.
      Effect.catchIf(
        ({ reason }) => reason._tag === "Rejected",
        () => this.walkAll(unknown, direction, 1)
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

  private walkAll(nodes: ReadonlyArray<Node>, direction: RelationDirection, levels: number) {
    return Effect.forEach(nodes, (node) => this.walk(node, direction, levels), { concurrency, discard: true })
  }

  /** A root that does not exist has no relations here; the caller notices it by its missing name. */
  private walk(root: Node, direction: RelationDirection, levels: number): Effect.Effect<void, ThingsBoardError> {
    return Effect.flatMap(walkRelations(this.thingsBoard, root, direction, levels), (relations) =>
      this.eventLoop.run(() => this.addRelations(root, direction, levels, relations))
    )
  }

  /** After a walk of n levels, n levels are known from the root, n - 1 from the nodes one step away, and so on. */
  private *addRelations(root: Node, direction: RelationDirection, levels: number, relations: ReadonlyArray<Edge>): Steps<void> {
    const { isTurnOver } = this.eventLoop
    const types = new Set(this.relationTypes)
    const next = new Map<string, Array<string>>()
    let n = 0
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
    return Effect.map(findNeighbors(this.thingsBoard, nodes, direction), ({ entities, incomplete }) => {
      this.incomplete ||= incomplete
      return entities
    })
  }
}
