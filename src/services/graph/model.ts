/** Nodes and edges while a graph is searched; `domain/Graph.ts` has the form of the result. */
import type { EntityRef } from "../../domain/Ids.ts"
import type { Relation } from "../../thingsboard/requests/relations.ts"

export type Node = EntityRef

/** A relation, in the direction in which it is stored. */
export type Edge = Relation

/** Edges with the same key are one and the same relation. */
export const edgeKey = ({ from, to, type }: Edge) => `${from.id} ${to.id} ${type}`
