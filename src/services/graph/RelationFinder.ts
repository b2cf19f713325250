/**
 * Finds relations in few calls. ThingsBoard walks many levels from one root in a call, in one direction, and gives all edges it
 * met; for many roots at once it tells only which entities they lead to (`relationsQuery` with several roots). So the edges of a
 * large set of nodes are had by asking for their neighbours once, and walking back from those of them that are not known yet:
 * the calls grow with the hubs that are met, not with the nodes.
 */
import { Effect } from "effect"
import type { EntityType } from "../../domain/Ids.ts"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import { findNeighbors, walkRelations } from "../../thingsboard/requests/relations.ts"
import type { HiddenNodes } from "./HiddenNodes.ts"

export interface Node {
  readonly id: string
  readonly entityType: EntityType
}

export interface Edge {
  readonly from: Node
  readonly to: Node
  readonly type: string
}

type Direction = "FROM" | "TO"
const opposite = { FROM: "TO", TO: "FROM" } as const

export const edgeKey = ({ from, to, type }: Edge) => `${from.id} ${to.id} ${type}`

/** So few nodes are walked one by one: asking for their neighbours first would cost as many calls. */
const maxSingleWalks = 4
const concurrency = 8

export class RelationFinder {
  readonly edges = new Map<string, Edge>()
  /** For each way, the levels that are known behind a node. */
  private readonly known = { FROM: new Map<string, number>(), TO: new Map<string, number>() }
  /** Whether there are more neighbours than were looked at. */
  incomplete = false
  private readonly thingsBoard: ThingsBoardShape
  private readonly ways: ReadonlyArray<Direction>
  private readonly relationTypes: ReadonlyArray<string>
  private readonly hidden: HiddenNodes | undefined

  constructor(
    thingsBoard: ThingsBoardShape,
    direction: Direction | "BOTH",
    relationTypes: ReadonlyArray<string>,
    /** What is not walked from: no relation of it is shown. */
    hidden?: HiddenNodes
  ) {
    this.hidden = hidden
    this.thingsBoard = thingsBoard
    this.ways = direction === "BOTH" ? ["FROM", "TO"] : [direction]
    this.relationTypes = relationTypes
  }

  /** Finds all relations of the nodes; `levels` more will be asked for behind them if the walk goes on. */
  around(nodes: ReadonlyArray<Node>, levels: number): Effect.Effect<void, ThingsBoardError> {
    return Effect.forEach(this.ways, (way) => this.behind(nodes, way, levels), { discard: true })
  }

  private behind(nodes: ReadonlyArray<Node>, way: Direction, levels: number): Effect.Effect<void, ThingsBoardError> {
    const unknown = nodes.filter(({ id }) => (this.known[way].get(id) ?? 0) < 1)
    if (unknown.length <= maxSingleWalks) return this.walkAll(unknown, way, levels)
    return this.neighbours(unknown, way).pipe(
      Effect.flatMap((hubs) => this.notHidden(hubs)),
      Effect.flatMap((hubs) =>
        this.walkAll(
          hubs.filter(({ id }) => (this.known[opposite[way]].get(id) ?? 0) < 1),
          opposite[way],
          1
        )
      ),
      Effect.andThen(Effect.sync(() => unknown.forEach(({ id }) => this.known[way].set(id, 1)))),
      // A release that does not take several roots: one walk a node.
      Effect.catchIf(
        ({ reason }) => reason._tag === "Rejected",
        () => this.walkAll(unknown, way, 1)
      )
    )
  }

  private notHidden(nodes: ReadonlyArray<Node>): Effect.Effect<ReadonlyArray<Node>, ThingsBoardError> {
    const { hidden } = this
    if (hidden === undefined) return Effect.succeed(nodes)
    return Effect.map(hidden.look(nodes), () => nodes.filter(({ id }) => !hidden.has(id)))
  }

  private walkAll(nodes: ReadonlyArray<Node>, way: Direction, levels: number) {
    return Effect.forEach(nodes, (node) => this.walk(node, way, levels), { concurrency, discard: true })
  }

  private walk(root: Node, direction: Direction, maxLevel: number): Effect.Effect<void, ThingsBoardError> {
    // A root that does not exist is noticed by its missing name.
    return Effect.map(walkRelations(this.thingsBoard, root, direction, maxLevel), (relations) => {
      const followed: Array<Edge> = []
      for (const edge of relations) {
        if (this.relationTypes.length > 0 && !this.relationTypes.includes(edge.type)) continue
        this.edges.set(edgeKey(edge), edge)
        followed.push(edge)
      }
      this.remember(root, direction, maxLevel, followed)
    })
  }

  /** A walk of n levels knows n levels behind its root, n - 1 behind what is one step away, and so on. */
  private remember(root: Node, way: Direction, levels: number, edges: ReadonlyArray<Edge>) {
    const next = new Map<string, Array<string>>()
    for (const { from, to } of edges) {
      const [near, far] = way === "FROM" ? [from.id, to.id] : [to.id, from.id]
      next.set(near, [...(next.get(near) ?? []), far])
    }
    const known = this.known[way]
    let level: ReadonlyArray<string> = [root.id]
    for (let left = levels; left > 0 && level.length > 0; left--) {
      const fresh = level.filter((id) => (known.get(id) ?? 0) < left)
      for (const id of fresh) known.set(id, left)
      level = fresh.flatMap((id) => next.get(id) ?? [])
    }
  }

  private neighbours(nodes: ReadonlyArray<Node>, direction: Direction): Effect.Effect<ReadonlyArray<Node>, ThingsBoardError> {
    return Effect.map(findNeighbors(this.thingsBoard, nodes, direction), ({ entities, incomplete }) => {
      this.incomplete ||= incomplete
      return entities
    })
  }
}
