import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Ref } from "./Entities.ts"

/** A `maxLevel` that is 0 or missing means unlimited: always send one. `filters` apply after the walk, so they do not prune it. */
export const RelationsQuery = Schema.Struct({
  parameters: Schema.Struct({
    rootId: Schema.String,
    rootType: Schema.String,
    direction: Schema.Literals(["FROM", "TO"]),
    relationTypeGroup: Schema.Literal("COMMON"),
    maxLevel: Schema.Int,
    fetchLastLevelOnly: Schema.Boolean
  }),
  filters: Schema.Array(Schema.Struct({ relationType: Schema.String, entityTypes: Schema.Array(Schema.String) }))
})

export const Relation = Schema.Struct({ from: Ref, to: Ref, type: Schema.String, typeGroup: Schema.String })
export type Relation = typeof Relation.Type

/** All relations found from the root, each once. Relations between two entities that are both at `maxLevel` are not included. */
export class Relations extends HttpApiGroup.make("relations").add(
  HttpApiEndpoint.post("findRelations", "/api/relations", { payload: RelationsQuery, success: Schema.Array(Relation) })
) {}
