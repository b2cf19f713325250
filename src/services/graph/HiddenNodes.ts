import { Effect } from "effect"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { Node } from "./RelationFinder.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { visibleAmongIds } from "../access/VisibleDevices.ts"

/**
 * What a restricted caller may not meet on a walk: devices that its restriction does not show, and all that is neither device nor
 * asset. A walk does not go through it, nor look what lies behind: the answer would tell of it, or the time that it takes. It does not
 * count.
 */
export class HiddenNodes {
  private readonly shown = new Map<string, boolean>()
  private readonly thingsBoard: ThingsBoardShape
  private readonly visibility: Visibility

  constructor(thingsBoard: ThingsBoardShape, visibility: Visibility) {
    this.thingsBoard = thingsBoard
    this.visibility = visibility
  }

  /** Whether it is to be left out; so is what was not looked at. */
  has(id: string): boolean {
    return this.shown.get(id) !== true
  }

  /** Looks at those of the nodes that it does not know yet. */
  look(nodes: Iterable<Node>): Effect.Effect<void, ThingsBoardError> {
    const devices: Array<string> = []
    for (const { entityType, id } of nodes) {
      if (this.shown.has(id)) continue
      this.shown.set(id, entityType === "ASSET")
      if (entityType === "DEVICE") devices.push(id)
    }
    return Effect.map(visibleAmongIds(this.thingsBoard, this.visibility, devices), (visible) => {
      for (const id of visible) this.shown.set(id, true)
    })
  }
}
