/**
 * Reads relations, up to forty thousand of a hub. All ends with the same id become one object, and fields that nobody reads are dropped at
 * once, so that little of the response stays in memory.
 */
import { Option, Predicate } from "effect"
import type { EntityRef, EntityType } from "../../domain/Ids.ts"
import type { IsTurnOver, Steps } from "../../domain/Steps.ts"
import { readList } from "./elements.ts"

export interface Relation {
  readonly from: EntityRef
  readonly to: EntityRef
  readonly type: string
}

export interface Relations {
  readonly relations: ReadonlyArray<Relation>
  /** The names of entities by id, as far as ThingsBoard returned them. */
  readonly names: ReadonlyMap<string, string>
}

export const noRelations: Relations = { relations: [], names: new Map() }

/** What ThingsBoard returns for an entity whose name it does not find. */
const noName = "N/A"

export function* readRelations(bytes: Uint8Array, isTurnOver: IsTurnOver): Steps<Relations> {
  const refs = new Map<string, EntityRef>()
  const names = new Map<string, string>()
  /** ThingsBoard's names of the types are kept as they are. */
  const readRef = (json: unknown): EntityRef | undefined => {
    if (!Predicate.isObject(json)) return undefined
    const { entityType, id } = json
    if (typeof entityType !== "string" || typeof id !== "string") return undefined
    let ref = refs.get(id)
    if (ref?.entityType !== entityType) refs.set(id, (ref = { id, entityType: entityType as EntityType }))
    return ref
  }
  const readName = ({ id }: EntityRef, name: unknown) => {
    if (typeof name === "string" && name !== "" && name !== noName) names.set(id, name)
  }
  const readRelation = (json: unknown): Option.Option<Relation> => {
    if (!Predicate.isObject(json)) return Option.none()
    const { fromName, toName, type } = json
    const from = readRef(json["from"])
    const to = readRef(json["to"])
    if (from === undefined || to === undefined || typeof type !== "string") return Option.none()
    readName(from, fromName)
    readName(to, toName)
    return Option.some({ from, to, type })
  }
  return { relations: yield* readList(bytes, readRelation, isTurnOver), names }
}
