/**
 * What was stored, told to whoever listens (the WebSocket's subscriptions do).
 * `store.telemetry.save` and `store.attributes.save` publish after the write; the bulk path `store.telemetry.load` does not.
 */
import { Context, Layer } from "effect"
import type { Value } from "./Value.ts"

export interface SavedPoint {
  readonly key: string
  /** ms */
  readonly ts: number
  readonly value: Value
}

export type AttributeScope = "CLIENT_SCOPE" | "SHARED_SCOPE" | "SERVER_SCOPE"

interface OfEntity {
  readonly tenantId: string
  readonly entityType: string
  readonly entityId: string
}

export interface TelemetrySaved extends OfEntity {
  readonly type: "TelemetrySaved"
  /** In the order in which they came. */
  readonly points: ReadonlyArray<SavedPoint>
}

export interface AttributesSaved extends OfEntity {
  readonly type: "AttributesSaved"
  readonly scope: AttributeScope
  /** `ts` is the time of the write. */
  readonly attributes: ReadonlyArray<SavedPoint>
}

export type Saved = TelemetrySaved | AttributesSaved

/** Listeners are called synchronously, in the order in which they were added, and must not throw. */
export class Events extends Context.Service<
  Events,
  {
    readonly publish: (event: Saved) => void
    /** Gives back what ends the listening. */
    readonly listen: (listener: (event: Saved) => void) => () => void
  }
>()("boardwalk/emulator/Events") {
  static readonly layer = Layer.sync(Events, () => {
    const listeners = new Set<(event: Saved) => void>()
    return Events.of({
      publish: (event) => listeners.forEach((listener) => listener(event)),
      listen: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    })
  })
}
