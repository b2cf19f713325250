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

/** With the name of the far end; "N/A" if ThingsBoard does not find it. The other name is null. */
export const RelationInfo = Schema.Struct({
  ...Relation.fields,
  fromName: Schema.NullOr(Schema.String),
  toName: Schema.NullOr(Schema.String)
})

/** All relations found from the root, each once. Relations between two entities that are both at `maxLevel` are not included. */
export class Relations extends HttpApiGroup.make("relations").add(
  HttpApiEndpoint.post("findRelations", "/api/relations", { payload: RelationsQuery, success: Schema.Array(Relation) }),
  HttpApiEndpoint.post("findRelationInfos", "/api/relations/info", { payload: RelationsQuery, success: Schema.Array(RelationInfo) })
) {}
