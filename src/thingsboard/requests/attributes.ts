/** Attributes of a device: reading them, each value as the JSON that ThingsBoard sent, and writing them. */
import { Effect } from "effect"
import { type AttributeScope, AttributeScopeName } from "../../domain/Attribute.ts"
import type { ThingsBoardError } from "../errors/ThingsBoardError.ts"
import { attributesPath, saveAttributesPath } from "../Paths.ts"
import { type AttributeBytes, readAttributeList } from "../responses/AttributesScanner.ts"
import type { ThingsBoardShape } from "../ThingsBoard.ts"

/** Attributes of one scope. There may be more than the requested keys: see `attributesPath`. */
export const readAttributes = (
  thingsBoard: ThingsBoardShape,
  deviceId: string,
  scope: AttributeScope,
  keys: ReadonlyArray<string> | undefined
): Effect.Effect<ReadonlyArray<AttributeBytes>, ThingsBoardError> =>
  thingsBoard.readInSteps(thingsBoard.get(attributesPath(deviceId, AttributeScopeName[scope], keys)), readAttributeList)

/**
 * Stores a ready-made JSON object of values by key. Attributes have no timestamp: sent again after a failure, they could replace a value
 * that somebody else wrote in the meantime. So the call is repeated only if ThingsBoard has not carried it out.
 */
export const saveAttributes = (
  thingsBoard: ThingsBoardShape,
  deviceId: string,
  scope: "server" | "shared",
  json: string
): Effect.Effect<void, ThingsBoardError> =>
  Effect.asVoid(thingsBoard.post(saveAttributesPath(deviceId, AttributeScopeName[scope]), json, { write: true }))
