/**
 * Events about saved telemetry and attributes; the WebSocket's subscriptions listen to them.
 * `store.telemetry.save` and `store.attributes.save` publish after the write; `store.telemetry.loadBulk` does not.
 */
import { Context, Layer } from "effect"
import type { Value } from "../values/Value.ts"

export interface SavedPoint {
  readonly key: string
  /** ms */
  readonly ts: number
  readonly value: Value
}

export type AttributeScope = "CLIENT_SCOPE" | "SHARED_SCOPE" | "SERVER_SCOPE"

interface EntityEvent {
  readonly tenantId: string
  readonly entityType: string
  readonly entityId: string
}

export interface TelemetrySaved extends EntityEvent {
  readonly type: "TelemetrySaved"
  /** In the order of the request. */
  readonly points: ReadonlyArray<SavedPoint>
}

export interface AttributesSaved extends EntityEvent {
  readonly type: "AttributesSaved"
  readonly scope: AttributeScope
  /** `ts` is the time of the write. */
  readonly attributes: ReadonlyArray<SavedPoint>
}

export type SavedEvent = TelemetrySaved | AttributesSaved

/** Listeners are called synchronously, in the order in which they were added, and must not throw. */
export class Events extends Context.Service<
  Events,
  {
    readonly publish: (event: SavedEvent) => void
    /** Returns a function that removes the listener. */
    readonly subscribe: (listener: (event: SavedEvent) => void) => () => void
  }
>()("boardwalk/emulator/store/Events") {
  static readonly layer = Layer.sync(Events, () => {
    const listeners = new Set<(event: SavedEvent) => void>()
    return Events.of({
      publish: (event) => listeners.forEach((listener) => listener(event)),
      subscribe: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    })
  })
}
