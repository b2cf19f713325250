import { Effect } from "effect"
import type { ThingsBoardShape } from "../../thingsboard/ThingsBoard.ts"
import type { ThingsBoardError } from "../../thingsboard/errors/ThingsBoardError.ts"
import type { Visibility } from "../../domain/Visibility.ts"
import { visibleAmongIds } from "../access/VisibleDevices.ts"
import type { Node } from "./model.ts"

/**
 * The nodes that are hidden from a restricted caller: devices and assets outside its restriction, and everything that is neither a device
 * nor an asset. A search does not follow relations of a hidden node, because both the response and the time that it takes would reveal the
 * node. Hidden nodes do not count towards the node limit.
 */
export class HiddenNodes {
  private readonly visible = new Map<string, boolean>()
  private readonly thingsBoard: ThingsBoardShape
  private readonly visibility: Visibility
  private readonly assets: ReadonlySet<string> | undefined

  /** `assets` are the ids of the visible ones; undefined for all. */
  constructor(thingsBoard: ThingsBoardShape, visibility: Visibility, assets: ReadonlySet<string> | undefined) {
    this.assets = assets
    this.thingsBoard = thingsBoard
    this.visibility = visibility
  }

  /** Whether the node is hidden. Nodes that were not checked are hidden, too. */
  has(id: string): boolean {
    return this.visible.get(id) !== true
  }

  /** Checks the nodes that were not checked before. */
  check(nodes: Iterable<Node>): Effect.Effect<void, ThingsBoardError> {
    const devices: Array<string> = []
    for (const { entityType, id } of nodes) {
      if (this.visible.has(id)) continue
      this.visible.set(id, entityType === "ASSET" && this.assets?.has(id) !== false)
      if (entityType === "DEVICE") devices.push(id)
    }
    return Effect.map(visibleAmongIds(this.thingsBoard, this.visibility, devices), (visible) => {
      for (const id of visible) this.visible.set(id, true)
    })
  }
}
