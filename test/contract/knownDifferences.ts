/** Recorded steps in which the emulator deliberately differs from ThingsBoard, with the reason. The goal is an empty list. */
export interface KnownDifference {
  readonly version: "4.1" | "4.3"
  readonly scenario: string
  /** Name of the step, or "entry 3" for an entry of a WebSocket transcript. */
  readonly step: string
  readonly reason: string
}

export const knownDifferences: ReadonlyArray<KnownDifference> = []
